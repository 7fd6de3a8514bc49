/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nldev_fake.h"
#include "trace/nldev.h"

static const struct nldev_ops parse_ops = {.qp = on_qp};

/*
 * Three QPs as Linux 6.1 tells of them: one of a process, connected; one of a process; one of the
 * kernel.
 */
static struct nlmsghdr *
three_qps(void)
{
	struct nlmsghdr *header = begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, "mlx5_0");
	struct nlattr *table = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP), *entry;

	entry = begin_entry(header, 0x123456, 2, 3);
	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_RES_RQPN, 0x654321);
	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_RES_RQ_PSN, 1);
	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_PORT_INDEX, 1);
	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_RES_PID, 4711);
	mnl_attr_nest_end(header, entry);
	entry = begin_entry(header, 18, 4, 1);
	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_RES_PID, 1);
	mnl_attr_nest_end(header, entry);
	entry = begin_entry(header, 1, 1, 3);
	mnl_attr_put_strz(header, RDMA_NLDEV_ATTR_RES_KERN_NAME, "ib_core");
	mnl_attr_put_strz(header, 4000, "of a later kernel");
	mnl_attr_nest_end(header, entry);
	mnl_attr_nest_end(header, table);
	return header;
}

/* Parses a copy that ends where the memory ends, so that AddressSanitizer sees a read behind it. */
static int
parse(const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	n_found = 0;
	rc = nldev_parse(copy, len, &parse_ops, NULL);
	free(copy);
	return rc;
}

static int
parse_header(const struct nlmsghdr *header)
{
	return parse(header, header->nlmsg_len);
}

static void
test_parse(void **state)
{
	(void)state;
	assert_int_equal(parse_header(three_qps()), 0);
	assert_int_equal(n_found, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(found[i].device_index, 7);
		assert_string_equal(found[i].device, "mlx5_0");
	}
	assert_int_equal(found[0].qpn, 0x123456);
	assert_true(found[0].has_remote);
	assert_int_equal(found[0].remote_qpn, 0x654321);
	assert_int_equal(found[0].qp_type, 2);
	assert_int_equal(found[0].state, 3);
	assert_int_equal(found[0].port, 1);
	assert_int_equal(found[0].pid, 4711);
	assert_string_equal(found[0].kernel_name, "");
	assert_int_equal(found[1].qpn, 18);
	assert_false(found[1].has_remote);
	assert_int_equal(found[1].port, 0);
	assert_int_equal(found[1].qp_type, 4);
	assert_int_equal(found[1].state, 1);
	assert_int_equal(found[2].qpn, 1);
	assert_int_equal(found[2].pid, 0);
	assert_string_equal(found[2].kernel_name, "ib_core");
}

static void
test_parse_nothing(void **state)
{
	struct nlmsghdr *header;

	(void)state;
	assert_int_equal(parse_header(begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, "rxe0")), 0);
	header = begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, "rxe0");
	mnl_attr_nest_end(header, mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP));
	assert_int_equal(parse_header(header), 0);
	assert_int_equal(n_found, 0);
	assert_int_equal(parse("", 0), -EBADMSG);
}

static void
test_parse_lacking(void **state)
{
	static const uint16_t needed[] = {RDMA_NLDEV_ATTR_RES_LQPN, RDMA_NLDEV_ATTR_RES_TYPE,
					  RDMA_NLDEV_ATTR_RES_STATE};
	struct nlattr *attr;

	(void)state;
	assert_int_equal(parse_header(begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 0, "rxe0")), -EBADMSG);
	assert_int_equal(parse_header(begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, NULL)), -EBADMSG);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct nlmsghdr *header = begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, "rxe0");
		struct nlattr *table = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP);
		struct nlattr *entry = begin_entry(header, 18, 2, 3);

		mnl_attr_nest_end(header, entry);
		mnl_attr_nest_end(header, table);
		mnl_attr_for_each_nested(attr, entry)
			if (mnl_attr_get_type(attr) == needed[i])
				attr->nla_type = 4000;
		assert_int_equal(parse_header(header), -EBADMSG);
		assert_int_equal(n_found, 0);
	}
}

/* Each attribute that is read, as the only thing wrong, with a length that is not its own. */
static void
test_parse_lengths(void **state)
{
	static const struct {
		uint16_t type;
		uint16_t right;
	} numbers[] = {
		{RDMA_NLDEV_ATTR_RES_LQPN, 4}, {RDMA_NLDEV_ATTR_RES_RQPN, 4},
		  {RDMA_NLDEV_ATTR_RES_TYPE, 1},
		{RDMA_NLDEV_ATTR_RES_STATE, 1}, {RDMA_NLDEV_ATTR_RES_PID, 4},
		 {RDMA_NLDEV_ATTR_PORT_INDEX, 4},
	};
	static const char bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (uint16_t len = 0; len <= 8; len++) {
			struct nlmsghdr *header = begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, "rxe0");
			struct nlattr *table = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP);
			struct nlattr *entry = begin_entry(header, 18, 2, 3);

			mnl_attr_put(header, numbers[i].type, len, bytes);
			mnl_attr_nest_end(header, entry);
			mnl_attr_nest_end(header, table);
			assert_int_equal(parse_header(header),
					 len == numbers[i].right ? 0 : -EBADMSG);
		}
	}
}

static int
parse_texts(const char *device, size_t device_len, const char *name, size_t name_len)
{
	struct nlmsghdr *header = begin(RDMA_NLDEV_CMD_RES_QP_GET, 1, 7, NULL);
	struct nlattr *table, *entry;

	mnl_attr_put(header, RDMA_NLDEV_ATTR_DEV_NAME, device_len, device);
	table = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP);
	entry = begin_entry(header, 18, 2, 3);
	mnl_attr_put(header, RDMA_NLDEV_ATTR_RES_KERN_NAME, name_len, name);
	mnl_attr_nest_end(header, entry);
	mnl_attr_nest_end(header, table);
	return parse_header(header);
}

static void
test_parse_texts(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(parse_texts("rxe0", 5, "nvme", 5), 0);
	assert_string_equal(found[0].kernel_name, "nvme");
	assert_int_equal(parse_texts("rxe0", 4, "nvme", 5), -EBADMSG);
	assert_int_equal(parse_texts("rxe0", 5, "nvme", 4), -EBADMSG);
	assert_int_equal(parse_texts("", 0, "nvme", 5), -EBADMSG);
	assert_int_equal(parse_texts("rxe0", 5, "", 0), -EBADMSG);
	for (size_t len = 2; len <= sizeof(longest); len++) {
		const char *text = longest + sizeof(longest) - len;

		assert_int_equal(parse_texts(text, len, text, len), 0);
		assert_int_equal(strlen(found[0].device), len <= 64 ? len - 1 : 63);
		assert_int_equal(strlen(found[0].kernel_name), len <= 32 ? len - 1 : 31);
	}
}

/*
 * Cut off anywhere, with lengths that still speak of the whole, of the cut message, or of the cut
 * table as well.
 */
static void
test_parse_cut(void **state)
{
	struct nlmsghdr *whole = three_qps();
	struct nldev_qp all[3];
	struct nlattr *table;
	uint32_t len = whole->nlmsg_len;
	size_t table_at;

	(void)state;
	assert_int_equal(parse_header(whole), 0);
	memcpy(all, found, sizeof(all));
	mnl_attr_for_each(table, whole, 0)
		if (mnl_attr_get_type(table) == RDMA_NLDEV_ATTR_RES_QP)
			break;
	table_at = (size_t)((char *)table - (char *)whole);
	for (uint32_t cut = 0; cut < len; cut++) {
		whole = three_qps();
		assert_int_equal(parse(whole, cut), -EBADMSG);
		assert_int_equal(n_found, 0);
		whole->nlmsg_len = cut;
		if (parse(whole, cut) == 0)
			assert_true(cut <= table_at);
		assert_int_equal(n_found, 0);
		if (cut < table_at + sizeof(*table))
			continue;
		table->nla_len = (uint16_t)(cut - table_at);
		parse(whole, cut);
		assert_true(n_found < 3);
		assert_memory_equal(found, all, n_found * sizeof(all[0]));
	}
}

/* Whatever the bytes are: no read outside (AddressSanitizer), no number out of the type, an end. */
static void
test_parse_random(void **state)
{
	unsigned int seed = 4711;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct nlmsghdr *header = three_qps();
		uint32_t len = header->nlmsg_len;
		int rc;

		for (int flips = 1 + rand_r(&seed) % 4; flips > 0; flips--)
			((uint8_t *)message)[(uint32_t)rand_r(&seed) % len] ^=
				(uint8_t)(1 << rand_r(&seed) % 8);
		rc = parse(message, len);
		if (rc != 0 && rc != -EBADMSG)
			fail_msg("round %d: %d", round, rc);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_nothing),
		cmocka_unit_test(test_parse_lacking),
		cmocka_unit_test(test_parse_lengths),
		cmocka_unit_test(test_parse_texts),
		cmocka_unit_test(test_parse_cut),
		cmocka_unit_test(test_parse_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
