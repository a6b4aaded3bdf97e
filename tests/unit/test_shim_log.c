/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: frames, rotation, and a disk that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "runtime/shim/shim.h"

#define FILE_MAX ((size_t)8 << 20)

struct world {
	char dir[64];
	int fd;
	bool mounted;
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptrs-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;
	struct world *w = *state;

	close(w->fd);
	if (w->mounted)
		umount2(w->dir, MNT_DETACH);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, &err), 0);
	free(w);
	return 0;
}

/* The frames of a file in words: "1:text|" or "1+text|" for a partial one. */
static size_t frames(const char *data, size_t len, struct buf *out)
{
	size_t at = 0, n = 0;

	while (at < len) {
		uint32_t size;

		assert_true(len - at >= SHIM_LOG_HEAD);
		memcpy(&size, data + at + 4, 4);
		size = ntohl(size);
		assert_true(size <= SHIM_LINE_MAX + 1 && size <= len - at - SHIM_LOG_HEAD);
		assert_int_equal(data[at + 2] | data[at + 3], 0);
		if (out) {
			buf_addf(out, "%d%c", data[at],
				 data[at + 1] & SHIM_LOG_PARTIAL ? '+' : ':');
			buf_add(out, data + at + SHIM_LOG_HEAD, size);
			buf_addc(out, '|');
		}
		at += SHIM_LOG_HEAD + size;
		n++;
	}
	return n;
}

static void test_frames(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ""},
		{"a\n", "2:a\n|"},
		{"a\nb\n\n", "2:a\n|2:b\n|2:\n|"},
		{"a\nbc", "2:a\n|2+bc|"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf text = BUF_INIT;
		char out[256];
		size_t n, used = log_frames(SHIM_LOG_STDERR, 1, rows[i].in, strlen(rows[i].in), out,
					    sizeof(out), &n);

		assert_int_equal(used, strlen(rows[i].in));
		frames(out, n, &text);
		assert_string_equal(text.data ? text.data : "", rows[i].out);
	}
}

static void test_head(void **state)
{
	static const char head[] = "\1\0\0\0\0\0\0\3\1\2\3\4\5\6\7\10";
	char out[64];
	size_t n;

	(void)state;
	assert_int_equal(
		log_frames(SHIM_LOG_STDOUT, 0x0102030405060708, "hi\n", 3, out, sizeof(out), &n),
		3);
	assert_int_equal(n, SHIM_LOG_HEAD + 3);
	assert_memory_equal(out, head, SHIM_LOG_HEAD);
}

/* A room that is too small takes whole frames only. */
static void test_room(void **state)
{
	char out[2 * SHIM_LOG_HEAD + 4];
	size_t n;

	(void)state;
	assert_int_equal(log_frames(1, 0, "a\nb\nc\n", 6, out, sizeof(out), &n), 4);
	assert_int_equal(frames(out, n, NULL), 2);
	assert_int_equal(log_frames(1, 0, "abcdefghijkl", 12, out, SHIM_LOG_HEAD, &n), 0);
	assert_int_equal(n, 0);
}

static void test_long_line(void **state)
{
	static char in[40000], out[50000];
	size_t n;

	(void)state;
	memset(in, 'x', sizeof(in));
	in[sizeof(in) - 1] = '\n';
	assert_int_equal(log_frames(1, 0, in, sizeof(in), out, sizeof(out), &n), sizeof(in));
	assert_int_equal(frames(out, n, NULL), 3);
	assert_int_equal(out[1], SHIM_LOG_PARTIAL);
}

static void test_rotation(void **state)
{
	const struct world *w = *state;
	struct log l = {.fd = -1};
	auto_buf struct buf text = BUF_INIT, words = BUF_INIT;
	struct error err = ERROR_INIT;
	char line[32];

	assert_int_equal(log_open(&l, w->fd, 200, 3), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		log_add(&l, 1, line, strlen(line));
	}
	assert_true(file_exists(w->fd, "log"));
	assert_true(file_exists(w->fd, "log.1"));
	assert_true(file_exists(w->fd, "log.2"));
	assert_false(file_exists(w->fd, "log.3"));
	assert_int_equal(file_read(w->fd, "log.1", FILE_MAX, &text, &err), 0);
	assert_true(text.len >= 200 && text.len < 250);
	frames(text.data, text.len, &words);
	assert_non_null(strstr(words.data, "1:line 9"));
	close(l.fd);
	/* an old log goes on */
	l.fd = -1;
	assert_int_equal(log_open(&l, w->fd, 0, 1), 0);
	log_add(&l, 1, "more\n", 5);
	close(l.fd);
}

static void test_full_disk(void **state)
{
	struct world *w = *state;
	struct log l = {.fd = -1};
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	static char many[20000];

	if (geteuid() != 0 || mount("tmpfs", w->dir, "tmpfs", 0, "size=64k") < 0)
		skip();
	w->mounted = true;
	close(w->fd);
	w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(many, 'y', sizeof(many));
	assert_int_equal(log_open(&l, w->fd, 0, 1), 0);
	for (int i = 0; i < 10; i++)
		log_add(&l, 1, many, sizeof(many));
	assert_true(l.dropped > 0);
	assert_int_equal(file_read(w->fd, "log", FILE_MAX, &text, &err), 0);
	assert_int_equal(text.len, l.size);
	assert_true(frames(text.data, text.len, NULL) > 0);
	/* room again */
	assert_int_equal(ftruncate(l.fd, 0), 0);
	l.size = 0;
	log_add(&l, 1, "back\n", 5);
	assert_int_equal(l.size, SHIM_LOG_HEAD + 5);
	close(l.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test_setup_teardown(test_rotation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
