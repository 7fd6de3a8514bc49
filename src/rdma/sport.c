/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/sport.h"

#include <infiniband/verbs.h>
#include <string.h>

#define SPORT_BITS 14
#define SPORT_GOLDEN_RATIO \
	0x61c88647u /* GOLDEN_RATIO_32 of the kernel's hash_32(), include/linux/hash.h */

static const struct {
	const char *driver;
	enum sport_rule rule;
} sport_rules[] = {
	{"rxe", SPORT_RULE_QP},
	{"mlx5_core", SPORT_RULE_FLOW_LABEL},
};

enum sport_rule
sport_rule_of(const char *driver)
{
	for (size_t i = 0; i < sizeof(sport_rules) / sizeof(sport_rules[0]); i++)
		if (strcmp(sport_rules[i].driver, driver) == 0)
			return sport_rules[i].rule;
	return SPORT_RULE_UNKNOWN;
}

uint16_t
sport_of(enum sport_rule rule, uint32_t qpn, uint32_t flow_label)
{
	switch (rule) {
	case SPORT_RULE_QP:
		return (uint16_t)(SPORT_QP_MIN + (qpn * SPORT_GOLDEN_RATIO >> (32 - SPORT_BITS)));
	case SPORT_RULE_FLOW_LABEL:
		return flow_label ? ibv_flow_label_to_udp_sport(flow_label) : SPORT_UNKNOWN;
	case SPORT_RULE_UNKNOWN:
		break;
	}
	return SPORT_UNKNOWN;
}

bool
sport_follows_flow_label(enum sport_rule rule)
{
	return rule == SPORT_RULE_FLOW_LABEL;
}
