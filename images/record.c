/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new image consists of, brought to the disk: blobs, layers, rows.  See store_int.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "images/store_int.h"

bool image_blob_exists(const struct image_store *s, const char *digest)
{
	auto_free char *path = xasprintf(IMAGE_BLOB_DIR "/%s", digest + strlen("sha256:"));

	return file_exists(s->dir, path);
}

int image_blob_put(const struct image_store *s, const void *data, size_t len,
		   char id[DIGEST_TEXT_MAX], struct error *err)
{
	auto_free char *path = NULL;
	char hex[DIGEST_HEX_MAX];

	digest_of(data, len, hex);
	snprintf(id, DIGEST_TEXT_MAX, "sha256:%s", hex);
	if (image_blob_exists(s, id))
		return 0;
	path = xasprintf(IMAGE_BLOB_DIR "/%s", hex);
	return file_write_atomic(s->dir, path, data, len, 0600, err);
}

int image_layer_result(const char *text, json_t **ret, struct error *err)
{
	auto_json json_t *result = NULL;
	const char *diff, *digest;

	if (json_load_text(text, strlen(text), &result, err) < 0)
		return error_wrap(err, "result of cmp-layer");
	diff = json_get_str(result, "diff_id");
	digest = json_get_str(result, "digest");
	if (!diff || !digest || !digest_valid(diff) || !digest_valid(digest) ||
	    !json_get_str(result, "media_type"))
		return error_set(err, EPROTO, "cmp-layer gave an incomplete result");
	*ret = steal_ptr(&result);
	return 0;
}

/* Moves `from` to its place unless that is taken, and puts the move on disk. */
static int move_into(const struct image_store *s, const char *from, const char *place,
		     const char *hex, struct error *err)
{
	auto_free char *to = xasprintf("%s/%s", place, hex);
	auto_fd int dir = -1;

	if (file_exists(s->dir, to))
		return 0;
	if (renameat(s->dir, from, s->dir, to) < 0)
		return error_sys(err, errno, "move %s", to);
	dir = openat(s->dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) < 0)
		return error_sys(err, errno, "write %s to disk", place);
	return 0;
}

int image_layer_put(const struct image_store *s, const char *tmp, const char *chain,
		    const json_t *result, struct error *err)
{
	auto_free char *layer = xasprintf("%s/layer", tmp), *blob = xasprintf("%s/blob", tmp);
	auto_free char *marker = xasprintf("%s/done", layer), *text = json_text(result);

	/* cmp-layer has put the tree on disk; the marker comes after it, the moves after both.  The
	 * blob comes first: who finds the layer may rely on it. */
	if (file_write_atomic(s->dir, marker, text, strlen(text), 0600, err) < 0)
		return -err->code;
	if (file_exists(s->dir, blob) &&
	    move_into(s, blob, IMAGE_BLOB_DIR, json_get_str(result, "digest") + strlen("sha256:"),
		      err) < 0)
		return -err->code;
	return move_into(s, layer, IMAGE_LAYER_DIR, chain, err);
}

static int write_rows(const struct image_store *s, const struct image_row *row, struct error *err)
{
	auto_free char *created = xasprintf("%lld", (long long)row->created_ns);
	auto_free char *pulled = xasprintf("%lld", (long long)row->pulled_ns);
	const char *const image[IMAGE_DB_PARAMS] = {row->id, row->manifest, created};
	const char *const name[IMAGE_DB_PARAMS] = {row->name, row->id};
	const char *const source[IMAGE_DB_PARAMS] = {row->source, row->id, pulled};
	int r = image_db_run(s->db,
			     row->keep_manifest
				     ? "INSERT OR IGNORE INTO image_images VALUES (?1, ?2, ?3)"
				     : "INSERT OR REPLACE INTO image_images VALUES (?1, ?2, ?3)",
			     image, NULL, NULL, err);

	if (r == 0 && row->name)
		r = image_db_run(s->db, "INSERT OR REPLACE INTO image_names VALUES (?1, ?2)", name,
				 NULL, NULL, err);
	if (r == 0 && row->source)
		r = image_db_run(s->db, "INSERT OR REPLACE INTO image_sources VALUES (?1, ?2, ?3)",
				 source, NULL, NULL, err);
	return r;
}

int image_record(const struct image_store *s, const struct image_row *row, struct error *err)
{
	int r = image_db_begin(s->db, err);

	return r < 0 ? r : image_db_end(s->db, write_rows(s, row, err), err);
}
