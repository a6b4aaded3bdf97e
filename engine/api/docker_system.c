/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system: ping, version, info, disk usage; and what is refused in Docker's own words. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/time.h"
#include "engine/api/docker.h"

#define OS_RELEASE_MAX ((size_t)64 << 10)

/* ---- ping */

static void ping(struct api_request *r)
{
	api_header(r, "Builder-Version", "1");
	api_header(r, "Swarm", "inactive");
	api_header(r, "Cache-Control", "no-cache, no-store, must-revalidate");
	api_header(r, "Pragma", "no-cache");
	api_reply_text(r, 200, "OK", 2);
}

/* ---- version */

static const char *go_arch(const struct utsname *u)
{
	return !strcmp(u->machine, "x86_64")	? "amd64"
	       : !strcmp(u->machine, "aarch64") ? "arm64"
						: u->machine;
}

static void get_version(struct api_request *r)
{
	auto_buf struct buf b = BUF_INIT;
	auto_free char *common = NULL;
	struct utsname u = {0};

	uname(&u);
	common =
		xasprintf("\"ApiVersion\":\"%u.%u\",\"MinAPIVersion\":\"%u.%u\",\"GitCommit\":\"\","
			  "\"GoVersion\":\"\",\"Os\":\"linux\",\"Arch\":\"%s\","
			  "\"KernelVersion\":\"%s\",\"BuildTime\":\"\"",
			  API_TEXT(API_DOCKER), API_TEXT(API_DOCKER_MIN), go_arch(&u), u.release);
	buf_addf(&b,
		 "{\"Platform\":{\"Name\":\"cmp\"},\"Components\":[{\"Name\":\"Engine\","
		 "\"Version\":\"%s\",\"Details\":{%s,\"Experimental\":\"false\"}}],"
		 "\"Version\":\"%s\",%s}",
		 PACKAGE_VERSION, common, PACKAGE_VERSION, common);
	docker_reply(r, 200, &b);
}

/* ---- info */

struct counts {
	size_t all, running, paused, stopped;
};

static struct counts count_containers(const struct daemon *d)
{
	struct counts n = {0};
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		n.all++;
		if (c->state == CONTAINER_PAUSED)
			n.paused++;
		else if (c->pid)
			n.running++;
		else
			n.stopped++;
	}
	return n;
}

/* PRETTY_NAME of /etc/os-release; owned. */
static char *os_name(void)
{
	auto_buf struct buf text = {.max = OS_RELEASE_MAX};
	AUTO(strv_free) char **lines = NULL;
	struct error ignored = ERROR_INIT;
	size_t i, len;

	if (file_read(AT_FDCWD, "/etc/os-release", OS_RELEASE_MAX, &text, &ignored) < 0)
		return xstrdup("Linux");
	lines = strv_split(text.data ? text.data : "", "\n");
	for (i = 0; i < strv_len(lines); i++) {
		const char *value = str_skip(lines[i], "PRETTY_NAME=");

		if (!value)
			continue;
		value += *value == '"';
		len = strlen(value);
		return xstrndup(value, len && value[len - 1] == '"' ? len - 1 : len);
	}
	return xstrdup("Linux");
}

/* An id of this installation: that of its state directory. */
static void put_id(struct buf *b, const struct daemon *d)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(d->state_dir, strlen(d->state_dir), hex);
	buf_addf(b, "\"%.8s-%.4s-%.4s-%.4s-%.12s\"", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static size_t image_count(const struct daemon *d)
{
	auto_free struct image **all = image_list(d->images);
	size_t n = 0;

	while (all[n])
		n++;
	return n;
}

static void put_counts(struct buf *b, const struct daemon *d)
{
	struct counts n = count_containers(d);

	buf_adds(b, "{\"ID\":");
	put_id(b, d);
	buf_addf(b,
		 ",\"Containers\":%zu,\"ContainersRunning\":%zu,\"ContainersPaused\":%zu,"
		 "\"ContainersStopped\":%zu,\"Images\":%zu",
		 n.all, n.running, n.paused, n.stopped, image_count(d));
}

static const char info_fixed[] =
	",\"Driver\":\"overlay2\",\"DriverStatus\":[[\"Supports d_type\",\"true\"]],\"Plugins\":"
	"{\"Volume\":[\"local\"],\"Network\":[\"bridge\",\"host\",\"null\"],\"Authorization\":null,"
	"\"Log\":[\"json-file\",\"local\"]},\"MemoryLimit\":true,\"SwapLimit\":true,"
	"\"CpuCfsPeriod\":true,\"CpuCfsQuota\":true,\"CPUShares\":true,\"CPUSet\":true,"
	"\"PidsLimit\":true,\"IPv4Forwarding\":true,\"BridgeNfIptables\":false,"
	"\"BridgeNfIp6tables\":false,\"Debug\":false,\"OomKillDisable\":true,"
	"\"LoggingDriver\":\"json-file\",\"CgroupDriver\":\"cgroupfs\",\"NEventsListener\":0,"
	"\"OSVersion\":\"\",\"OSType\":\"linux\",\"IndexServerAddress\":\"https://index.docker.io/v1/\","
	"\"RegistryConfig\":{\"IndexConfigs\":{\"docker.io\":{\"Mirrors\":[],\"Name\":\"docker.io\","
	"\"Official\":true,\"Secure\":true}},\"InsecureRegistryCIDRs\":[\"::1/128\",\"127.0.0.0/8\"],"
	"\"Mirrors\":null},\"GenericResources\":null,\"HttpProxy\":\"\",\"HttpsProxy\":\"\","
	"\"NoProxy\":\"\",\"Labels\":[],\"ExperimentalBuild\":false,\"Runtimes\":{\"runc\":{\"path\":"
	"\"cmp-shim\"}},\"DefaultRuntime\":\"runc\",\"Swarm\":{\"NodeID\":\"\",\"NodeAddr\":\"\","
	"\"LocalNodeState\":\"inactive\",\"ControlAvailable\":false,\"Error\":\"\","
	"\"RemoteManagers\":null},\"LiveRestoreEnabled\":true,\"Isolation\":\"\",\"InitBinary\":"
	"\"docker-init\",\"SecurityOptions\":[\"name=seccomp,profile=builtin\",\"name=cgroupns\"],"
	"\"CDISpecDirs\":[],\"Warnings\":null}";

static void get_info(struct api_request *r)
{
	const struct daemon *d = r->daemon;
	auto_buf struct buf b = BUF_INIT;
	auto_free char *os = os_name();
	struct sysinfo memory = {0};
	struct utsname u = {0};

	uname(&u);
	sysinfo(&memory);
	put_counts(&b, d);
	buf_adds(&b, ",\"SystemTime\":");
	docker_put_time(&b, time_now_ns());
	buf_addf(&b, ",\"CgroupVersion\":\"%d\",\"KernelVersion\":", d->host.cgroup_v2 ? 2 : 1);
	docker_put_str(&b, u.release);
	buf_adds(&b, ",\"OperatingSystem\":");
	docker_put_str(&b, os);
	buf_adds(&b, ",\"Architecture\":");
	docker_put_str(&b, u.machine);
	buf_addf(&b, ",\"NCPU\":%d,\"MemTotal\":%llu,\"DockerRootDir\":", get_nprocs(),
		 (unsigned long long)memory.totalram * memory.mem_unit);
	docker_put_str(&b, d->state_dir);
	buf_adds(&b, ",\"Name\":");
	docker_put_str(&b, u.nodename);
	buf_addf(&b, ",\"ServerVersion\":\"%s\"", PACKAGE_VERSION);
	buf_adds(&b, info_fixed);
	docker_reply(r, 200, &b);
}

/* ---- disk usage */

static void df_images(struct buf *b, const struct daemon *d)
{
	auto_free struct image **all = image_list(d->images);
	int64_t bytes = 0;
	size_t i;

	for (i = 0; all[i]; i++)
		bytes += all[i]->size_bytes;
	docker_put_key(b, "LayersSize");
	buf_addf(b, "%lld,\"Images\":[", (long long)bytes);
	for (i = 0; all[i]; i++) {
		docker_put_comma(b);
		docker_put_image_summary(b, d, all[i]);
	}
	buf_addc(b, ']');
}

static void df_containers(struct buf *b, const struct daemon *d)
{
	struct map_iter it = {0};

	docker_put_key(b, "Containers");
	buf_addc(b, '[');
	while (map_next(d->containers, &it)) {
		docker_put_comma(b);
		docker_put_summary(b, it.value);
	}
	buf_addc(b, ']');
}

static void df_volumes(struct buf *b, const struct daemon *d)
{
	auto_free struct volume **all = volume_list(d->volumes);
	size_t i;

	docker_put_key(b, "Volumes");
	buf_addc(b, '[');
	for (i = 0; all[i]; i++) {
		docker_put_comma(b);
		docker_put_volume(b, all[i], d);
	}
	buf_addc(b, ']');
}

static void df_builds(struct buf *b, const struct daemon *d UNUSED)
{
	docker_put_key(b, "BuildCache");
	buf_adds(b, "[]");
}

static const struct {
	const char *type;
	void (*put)(struct buf *b, const struct daemon *d);
} df_parts[] = {{"image", df_images},
		{"container", df_containers},
		{"volume", df_volumes},
		{"build-cache", df_builds}};

static bool check_types(struct api_request *r, char *const *types)
{
	size_t i;

	for (; *types; types++) {
		for (i = 0; i < ARRAY_LEN(df_parts); i++)
			if (!strcmp(*types, df_parts[i].type))
				break;
		if (i < ARRAY_LEN(df_parts))
			continue;
		docker_fail(r, 400, "unknown object type: %s", *types);
		return false;
	}
	return true;
}

static void get_df(struct api_request *r)
{
	AUTO(strv_free) char **types = api_query_all(r, "type");
	auto_buf struct buf b = BUF_INIT;
	size_t i;

	if (!check_types(r, types))
		return;
	buf_addc(&b, '{');
	for (i = 0; i < ARRAY_LEN(df_parts); i++)
		if (!*types || strv_has(types, df_parts[i].type))
			df_parts[i].put(&b, r->daemon);
	docker_put_key(&b, "BuilderSize");
	buf_adds(&b, "0}");
	docker_reply(r, 200, &b);
}

const struct docker_route docker_system_routes[] = {
	DOCKER_ROUTE("HEAD", "/_ping", ping),
	DOCKER_ROUTE("GET", "/_ping", ping),
	DOCKER_ROUTE("GET", "/version", get_version),
	DOCKER_ROUTE("GET", "/info", get_info),
	DOCKER_ROUTE("GET", "/events", docker_events),
	DOCKER_ROUTE_PARTLY("GET", "/system/df", get_df,
			    "sizes of containers and volumes are not computed"),
	DOCKER_ROUTE_END,
};

/* ---- refused */

static void no_swarm(struct api_request *r)
{
	docker_fail(r, 503,
		    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker "
		    "swarm join\" to connect this node to swarm and try again.");
}

static void not_in_swarm(struct api_request *r)
{
	docker_fail(r, 503, "This node is not part of a swarm");
}

static void not_supported(struct api_request *r)
{
	docker_fail(r, 501, "%s is not supported", api_path(r));
}

/* There is no cache of builds to prune. */
static void prune_builds(struct api_request *r)
{
	static const char nothing[] = "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}\n";

	api_reply_body(r, 200, nothing, sizeof(nothing) - 1);
}

static void get_plugins(struct api_request *r)
{
	api_reply_json(r, 200, json_array());
}

static void no_plugin(struct api_request *r)
{
	docker_fail(r, 404, "plugin \"%s\" not found", r->params[0]);
}

#define SWARM(method, pattern) DOCKER_ROUTE_REFUSED(method, pattern, no_swarm, "503: no swarm")
#define NO(method, pattern)                                                                        \
	DOCKER_ROUTE_REFUSED(method, pattern, not_supported, "501: not there yet")

const struct docker_route docker_refused_routes[] = {
	DOCKER_ROUTE_REFUSED("POST", "/swarm/leave", not_in_swarm, "503: no swarm"),
	SWARM("GET", "/swarm"),
	SWARM("POST", "/swarm/{}"),
	SWARM("GET", "/swarm/{}"),
	SWARM("GET", "/nodes"),
	SWARM("GET", "/nodes/{}"),
	SWARM("DELETE", "/nodes/{}"),
	SWARM("POST", "/nodes/{}/update"),
	SWARM("GET", "/services"),
	SWARM("GET", "/services/{}"),
	SWARM("DELETE", "/services/{}"),
	SWARM("POST", "/services/create"),
	SWARM("POST", "/services/{}/update"),
	SWARM("GET", "/services/{}/logs"),
	SWARM("GET", "/tasks"),
	SWARM("GET", "/tasks/{}"),
	SWARM("GET", "/tasks/{}/logs"),
	SWARM("GET", "/secrets"),
	SWARM("GET", "/secrets/{}"),
	SWARM("POST", "/secrets/create"),
	SWARM("DELETE", "/secrets/{}"),
	SWARM("POST", "/secrets/{}/update"),
	SWARM("GET", "/configs"),
	SWARM("GET", "/configs/{}"),
	SWARM("POST", "/configs/create"),
	SWARM("DELETE", "/configs/{}"),
	SWARM("POST", "/configs/{}/update"),
	SWARM("PUT", "/volumes/{}"),
	DOCKER_ROUTE("GET", "/plugins", get_plugins),
	DOCKER_ROUTE("GET", "/plugins/{}/json", no_plugin),
	NO("GET", "/plugins/privileges"),
	NO("POST", "/plugins/pull"),
	NO("POST", "/plugins/create"),
	DOCKER_ROUTE("DELETE", "/plugins/{}", no_plugin),
	DOCKER_ROUTE("POST", "/plugins/{}/enable", no_plugin),
	DOCKER_ROUTE("POST", "/plugins/{}/disable", no_plugin),
	DOCKER_ROUTE("POST", "/plugins/{}/upgrade", no_plugin),
	DOCKER_ROUTE("POST", "/plugins/{}/push", no_plugin),
	DOCKER_ROUTE("POST", "/plugins/{}/set", no_plugin),
	NO("GET", "/containers/{}/attach/ws"),
	NO("POST", "/commit"),
	NO("POST", "/images/{}/push"),
	NO("POST", "/images/load"),
	NO("GET", "/images/get"),
	NO("GET", "/images/{}/get"),
	NO("GET", "/images/search"),
	NO("GET", "/distribution/{}/json"),
	NO("POST", "/auth"),
	NO("POST", "/build"),
	DOCKER_ROUTE("POST", "/build/prune", prune_builds),
	NO("POST", "/grpc"),
	NO("POST", "/session"),
	DOCKER_ROUTE_END,
};
