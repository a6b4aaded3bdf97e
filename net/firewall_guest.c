/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Living with the firewall of others.  Docker and ufw set the policy of the iptables chain FORWARD
 * to drop; an accept in our table does not overrule that.  So where such a chain is in nftables,
 * each of our bridges gets two rules there that let its packets by (what our own table drops stays
 * dropped), in the chain that Docker keeps for its administrator if there is one.  They carry a
 * comment, by which they are found again and removed.  The legacy iptables cannot be seen from
 * here.
 *
 * Also the guard of the bridges.  Runs in the worker; nothing of this is worth failing for.
 */
#include "base/log.h"
#include "net/firewall.h"

#define HANDLES true

static const char *const families[] = {"ip", "ip6"};

static bool list_chain(struct nft_ctx *ctx, const char *family, const char *chain, struct buf *ret)
{
	auto_free char *command = xasprintf("list chain %s filter %s", family, chain);
	struct error ignored = ERROR_INIT;

	buf_reset(ret);
	return firewall_run(ctx, command, HANDLES, ret, &ignored) == 0 && ret->data;
}

/* The chain where rules of ours are needed, with its rules in `ret`; NULL: none. */
static const char *find_chain(struct nft_ctx *ctx, const char *family, struct buf *ret)
{
	if (!list_chain(ctx, family, "FORWARD", ret) || !strstr(ret->data, "policy drop"))
		return NULL;
	if (list_chain(ctx, family, "DOCKER-USER", ret))
		return "DOCKER-USER";
	return list_chain(ctx, family, "FORWARD", ret) ? "FORWARD" : NULL;
}

/* The text between two marks of a line, or NULL. */
static char *between(const char *line, const char *before, const char *after)
{
	const char *start = strstr(line, before), *end;

	if (!start)
		return NULL;
	start += strlen(before);
	end = strstr(start, after);
	return end ? xstrndup(start, (size_t)(end - start)) : xstrdup(start);
}

/* `iifname "x" counter … accept comment "cmp" # handle 7`: of a bridge that is gone?  Else noted.
 */
static void look_at_rule(const char *line, const char *mark, char *const *bridges, char ***present,
			 const char *where, struct buf *commands)
{
	static const char *const sides[] = {"iifname", "oifname"};
	auto_free char *handle = NULL;
	size_t i;

	if (!strstr(line, mark))
		return;
	handle = between(line, "# handle ", "\n");
	for (i = 0; i < ARRAY_LEN(sides); i++) {
		auto_free char *before = xasprintf("%s \"", sides[i]);
		auto_free char *bridge = between(line, before, "\"");
		auto_free char *key = bridge ? xasprintf("%s %s", sides[i], bridge) : NULL;

		if (!bridge)
			continue;
		if (!strv_has(bridges, bridge) || strv_has(*present, key))
			buf_addf(commands, "delete rule %s handle %s\n", where, handle);
		else
			strv_push(present, xstrdup(key));
	}
}

static void add_missing(char *const *bridges, char *const *present, const char *mark,
			const char *where, struct buf *commands)
{
	static const char *const sides[] = {"iifname", "oifname"};
	size_t i;

	for (; bridges && *bridges; bridges++)
		for (i = 0; i < ARRAY_LEN(sides); i++) {
			auto_free char *key = xasprintf("%s %s", sides[i], *bridges);

			if (!strv_has(present, key))
				buf_addf(commands, "insert rule %s %s \"%s\" counter accept %s\n",
					 where, sides[i], *bridges, mark);
		}
}

void firewall_guest(struct nft_ctx *ctx, const char *table, char *const *bridges)
{
	auto_free char *mark = xasprintf("comment \"%s\"", table);
	size_t i;

	for (i = 0; i < ARRAY_LEN(families); i++) {
		auto_buf struct buf rules = BUF_INIT, commands = BUF_INIT;
		const char *chain = find_chain(ctx, families[i], &rules);
		AUTO(strv_free) char **lines = chain ? strv_split(rules.data, "\n") : NULL;
		AUTO(strv_free) char **present = NULL;
		auto_free char *where =
			chain ? xasprintf("%s filter %s", families[i], chain) : NULL;
		struct error err = ERROR_INIT;
		char **line;

		for (line = lines; line && *line; line++)
			look_at_rule(*line, mark, bridges, &present, where, &commands);
		if (chain)
			add_missing(bridges, present, mark, where, &commands);
		if (commands.len && firewall_run(ctx, commands.data, false, NULL, &err) < 0)
			log_warn("firewall", "packets may be dropped by chain %s: %s", where,
				 err.msg);
	}
}

/*
 * A second table, of the bridge family: no container is a router for the others on its network
 * (CVE-2020-13401).  By the names of the ports, since not every kernel tells the bridge.  The host
 * itself heeds none (accept_ra, see bridge.c), so that only what goes from port to port is looked
 * at.  Apart from the other table, which must not fail where this family is missing.
 */
void firewall_guard(struct nft_ctx *ctx, const char *table, bool wanted)
{
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	buf_addf(&text, "table bridge %s {\n}\ndelete table bridge %s\n", table, table);
	if (wanted)
		buf_addf(&text,
			 "table bridge %s {\n"
			 "\tchain cmp_guard {\n"
			 "\t\ttype filter hook forward priority -200; policy accept;\n"
			 "\t\ticmpv6 type nd-router-advert iifname \"%sv*\" drop\n"
			 "\t}\n}\n",
			 table, table);
	if (firewall_run(ctx, text.data, false, NULL, &err) < 0 && wanted)
		log_warn("firewall", "router advertisements of containers are not stopped: %s",
			 err.msg);
}
