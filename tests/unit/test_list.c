/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int value;
	struct list link;
};

static void test_order_and_removal(void **state)
{
	struct list head = LIST_INIT(head);
	struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	struct item *pos, *tmp;
	int seen = 0;

	(void)state;
	assert_true(list_empty(&head));
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_prepend(&head, &a.link);
	list_for_each (pos, &head, link)
		seen = seen * 10 + pos->value;
	assert_int_equal(seen, 123);
	list_for_each_safe (pos, tmp, &head, link)
		if (pos->value == 2)
			list_remove(&pos->link);
	list_remove(&b.link); /* twice is harmless */
	seen = 0;
	list_for_each (pos, &head, link)
		seen = seen * 10 + pos->value;
	assert_int_equal(seen, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_removal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
