/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See platform.h. */
#include "images/platform.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/str.h"

#define RANK_BEST 100

/* Other names of architectures: those of kernels and distributions. */
static const struct {
	const char *name, *arch, *variant;
} aliases[] = {
	{"x86_64", "amd64", ""}, {"x86-64", "amd64", ""}, {"aarch64", "arm64", ""},
	{"i386", "386", ""},	 {"i686", "386", ""},	  {"armhf", "arm", "v7"},
	{"armel", "arm", "v6"},	 {"armv8l", "arm", "v7"}, {"armv7l", "arm", "v7"},
	{"armv6l", "arm", "v6"},
};

/* What an image without a variant is made for. */
static const struct {
	const char *arch;
	int variant;
} defaults[] = {{"amd64", 1}, {"arm", 7}, {"arm64", 8}};

void platform_set(struct platform *p, const char *os, const char *arch, const char *variant)
{
	str_copy(p->os, sizeof(p->os), str_empty(os) ? "linux" : os);
	str_copy(p->arch, sizeof(p->arch), arch ?: "");
	str_copy(p->variant, sizeof(p->variant), variant ?: "");
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcmp(p->arch, aliases[i].name) != 0)
			continue;
		str_copy(p->arch, sizeof(p->arch), aliases[i].arch);
		if (!*p->variant)
			str_copy(p->variant, sizeof(p->variant), aliases[i].variant);
	}
}

static bool valid_part(const char *part)
{
	size_t len = strlen(part);

	return len && len < PLATFORM_PART_MAX &&
	       strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

int platform_parse(const char *text, struct platform *ret, struct error *err)
{
	AUTO(strv_free) char **parts = strv_split(text, "/");
	size_t n = strv_len(parts);

	for (size_t i = 0; i < n; i++)
		if (!valid_part(parts[i]))
			n = 0;
	if (!n || n > 3 || (n > 1 && strcmp(parts[0], "linux") != 0))
		return error_set(err, EINVAL, "invalid platform %s: linux/ARCHITECTURE[/VARIANT]",
				 str_printable(text) ? text : "");
	platform_set(ret, "linux", parts[n > 1], n > 2 ? parts[2] : NULL);
	return 0;
}

void platform_host(struct platform *ret)
{
	struct utsname host;

	platform_set(ret, "linux", uname(&host) == 0 ? host.machine : "unknown", NULL);
}

/* The number of a variant "v7", or of the architecture's default; -1 for names that are no number.
 */
static int variant_number(const struct platform *p)
{
	const char *digits = str_skip(p->variant, "v");
	uint16_t n;

	for (size_t i = 0; i < ARRAY_LEN(defaults) && !*p->variant; i++)
		if (!strcmp(p->arch, defaults[i].arch))
			return defaults[i].variant;
	return digits && parse_u16(digits, &n) == 0 ? n : -1;
}

int platform_rank(const struct platform *want, const struct platform *have)
{
	int w = variant_number(want), h = variant_number(have);

	if (strcmp(want->os, have->os) != 0 || strcmp(want->arch, have->arch) != 0)
		return 0;
	if (w < 0 || h < 0)
		return !*have->variant || !strcmp(want->variant, have->variant) ? RANK_BEST : 0;
	return h <= w && w - h < RANK_BEST ? RANK_BEST - (w - h) : 0;
}

void platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX])
{
	snprintf(ret, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "",
		 p->variant);
}
