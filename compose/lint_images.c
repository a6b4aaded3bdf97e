/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of databases that the rules know. */
#include <string.h>

#include "compose/lint_rules.h"

static const struct lint_database databases[] = {
	{"postgres|postgresql|postgis|pgvector|timescaledb|timescaledb-ha",
	 "/var/lib/postgresql/data",
	 "/var/lib/postgresql/data (from version 18 on /var/lib/postgresql)",
	 {5432}},
	{"mysql|mysql-server|mariadb|percona|percona-server",
	 "/var/lib/mysql",
	 NULL,
	 {3306, 33060}},
	{"mongo|mongodb|mongodb-community-server", "/data/db", NULL, {27017}},
	{"redis|redis-stack|redis-stack-server|valkey|keydb|dragonfly", NULL, NULL, {6379}},
	{"memcached", NULL, NULL, {11211}},
	{"elasticsearch", "/usr/share/elasticsearch/data", NULL, {9200, 9300}},
	{"opensearch", "/usr/share/opensearch/data", NULL, {9200, 9300}},
	{"rabbitmq", NULL, NULL, {5672}},
	{"couchdb", "/opt/couchdb/data", NULL, {5984}},
	{"cassandra", "/var/lib/cassandra", NULL, {9042}},
	{"clickhouse|clickhouse-server", "/var/lib/clickhouse", NULL, {8123, 9000}},
	{"influxdb",
	 "/var/lib/influxdb",
	 "/var/lib/influxdb (from version 2 on /var/lib/influxdb2)",
	 {8086}},
	{"neo4j", "/data", NULL, {7687}},
	{"etcd", NULL, NULL, {2379, 2380}},
	{"mssql-server", NULL, NULL, {1433}},
	{"rethinkdb", "/data", NULL, {28015}},
	{"arangodb", "/var/lib/arangodb3", NULL, {8529}},
};

static bool one_of(const char *names, const char *name, size_t len)
{
	for (; names; names = strchr(names, '|') ? strchr(names, '|') + 1 : NULL)
		if (!strncmp(names, name, len) && (names[len] == '|' || !names[len]))
			return true;
	return false;
}

const struct lint_database *lint_database(const char *image, bool *ret_official)
{
	const char *slash = image ? strrchr(image, '/') : NULL, *name = slash ? slash + 1 : image;
	size_t i, len;

	*ret_official = image && (!slash || !strncmp(image, "library/", 8) ||
				  !strncmp(image, "docker.io/library/", 18));
	for (i = 0; image && i < ARRAY_LEN(databases); i++) {
		len = strcspn(name, ":@");
		if (one_of(databases[i].names, name, len))
			return &databases[i];
	}
	return NULL;
}
