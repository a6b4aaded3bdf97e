/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings.h. */
#include "images/registry/settings.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/json.h"

#define PEM_MAX	     ((size_t)4 << 20)
#define SETTINGS_MAX ((size_t)1 << 20)

/* ---- names of registries */

/* The host of "HOST[:PORT]", without the brackets of an IPv6 address.  Owned. */
static char *host_of(const char *registry)
{
	if (*registry == '[')
		return xstrndup(registry + 1, strcspn(registry + 1, "]"));
	return xstrndup(registry, strcspn(registry, ":"));
}

bool registry_is_loopback(const char *registry)
{
	auto_free char *host = host_of(registry);
	struct in6_addr six;
	struct in_addr four;

	if (!strcmp(host, "localhost") || str_ends(host, ".localhost"))
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool in_range(const char *cidr, const char *host)
{
	const char *slash = strchr(cidr, '/');
	auto_free char *base = xstrndup(cidr, (size_t)(slash - cidr));
	struct in_addr net, addr;
	uint32_t bits;

	if (parse_u32(slash + 1, &bits) < 0 || bits > 32 || inet_pton(AF_INET, base, &net) != 1 ||
	    inet_pton(AF_INET, host, &addr) != 1)
		return false;
	return !bits || (ntohl(net.s_addr) ^ ntohl(addr.s_addr)) >> (32 - bits) == 0;
}

bool registry_matches(const char *entry, const char *registry)
{
	auto_free char *host = host_of(registry);

	if (strchr(entry, '/'))
		return in_range(entry, host);
	return !strcmp(entry, registry) || !strcmp(entry, host);
}

/* ---- files */

static const char *own_dir(void)
{
	const char *dir = getenv("CMP_CONFIG_DIR");

	return str_empty(dir) ? "/etc/cmp" : dir;
}

static int read_listed(const char *dir, const char *registry, bool *ret_found, bool *ret,
		       struct error *err)
{
	auto_free char *path = xasprintf("%s/daemon.json", dir);
	auto_json json_t *doc = NULL;
	auto_buf struct buf text;
	size_t i;
	json_t *entry;

	buf_init(&text, SETTINGS_MAX + 1);
	*ret_found = file_exists(AT_FDCWD, path);
	if (!*ret_found)
		return 0;
	if (file_read(AT_FDCWD, path, SETTINGS_MAX, &text, err) < 0 ||
	    json_load_text(text.data ?: "", text.len, &doc, err) < 0)
		return error_wrap(err, "%s", path);
	json_array_foreach (json_get_arr(doc, "insecure-registries"), i, entry)
		*ret |= json_is_string(entry) &&
			registry_matches(json_string_value(entry), registry);
	return 0;
}

static int add_file(int dir, const char *name, struct buf *ret, struct error *err)
{
	auto_buf struct buf text;

	buf_init(&text, PEM_MAX + 1);
	if (file_read(dir, name, PEM_MAX, &text, err) < 0)
		return -err->code;
	buf_add(ret, text.data ?: "", text.len);
	buf_addc(ret, '\n');
	return 0;
}

static int add_client(int dir, const char *cert, struct registry_settings *s, struct error *err)
{
	auto_free char *key = xasprintf("%.*s.key", (int)(strlen(cert) - strlen(".cert")), cert);

	if (s->cert.len)
		return 0;
	if (add_file(dir, cert, &s->cert, err) < 0)
		return -err->code;
	return add_file(dir, key, &s->key, err);
}

static int read_certificates(DIR *d, struct registry_settings *s, struct error *err)
{
	struct dirent *e;
	int r = 0;

	while (r == 0 && (e = readdir(d))) {
		if (str_ends(e->d_name, ".crt"))
			r = add_file(dirfd(d), e->d_name, &s->ca, err);
		else if (str_ends(e->d_name, ".cert"))
			r = add_client(dirfd(d), e->d_name, s, err);
	}
	return r;
}

static int find_certificates(const char *registry, struct registry_settings *s, struct error *err)
{
	const char *const places[] = {own_dir(), "/etc/docker", "/etc/containers"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *path = xasprintf("%s/certs.d/%s", places[i], registry);
		DIR *d = opendir(path);
		int r;

		if (!d && errno == ENOENT)
			continue;
		if (!d)
			return error_sys(err, errno, "open %s", path);
		r = read_certificates(d, s, err);
		closedir(d);
		return r < 0 ? error_wrap(err, "%s", path) : 0;
	}
	return 0;
}

int registry_settings_read(const char *registry, struct registry_settings *ret, struct error *err)
{
	const char *const places[] = {own_dir(), "/etc/docker"};
	bool found = false;

	*ret = (struct registry_settings){.insecure = registry_is_loopback(registry)};
	buf_init(&ret->ca, PEM_MAX);
	buf_init(&ret->cert, PEM_MAX);
	buf_init(&ret->key, PEM_MAX);
	for (size_t i = 0; i < ARRAY_LEN(places) && !found; i++)
		if (read_listed(places[i], registry, &found, &ret->insecure, err) < 0)
			return -err->code;
	return find_certificates(registry, ret, err);
}

void registry_settings_release(struct registry_settings *s)
{
	buf_release(&s->ca);
	buf_release(&s->cert);
	buf_release(&s->key);
}
