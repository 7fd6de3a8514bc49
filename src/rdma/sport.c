/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/sport.h"

#include <string.h>

#include "core/udp_port.h"

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
		return udp_port_of_qpn(qpn);
	case SPORT_RULE_FLOW_LABEL:
		return flow_label ? udp_port_of_label(flow_label) : UDP_PORT_UNKNOWN;
	case SPORT_RULE_UNKNOWN:
		break;
	}
	return UDP_PORT_UNKNOWN;
}
