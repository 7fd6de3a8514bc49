/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nic queues
 *
 * The endpoints of a nic, whose messages go to the prober and the responder, and more QPs with
 * wanted UDP source ports (rdma/sources.h).
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>

#include "core/clock.h"
#include "core/loop.h"
#include "core/udp_port.h"
#include "rpingmesh/probe_wire.h"

/*
 * Buffers for an incast of probes to the responder, and for ACKs of many peers to the prober.
 * Drivers make queues of a power of two from one entry more than they are asked for (rxe all,
 * mlx5 CQs), so one more would double the memory.
 */
#define NIC_PROBER_RECV 1023
#define NIC_PROBER_SEND 127
#define NIC_RESPONDER_RECV 1023
#define NIC_RESPONDER_SEND 511
#define NIC_SOURCE_RECV 255
#define NIC_SOURCE_SEND 63

static void
nic_probe_arrived(void *arg, const struct endpoint_rx *rx)
{
	struct nic *nic = arg;
	struct responder_rx probe = {
		.device_user = nic,
		.src = rx->src,
		.dst = rx->dst,
		.hop_limit = rx->hop_limit,
		.src_qpn = rx->src_qpn,
		.payload = rx->payload,
		.len = rx->len,
		.t3 = rx->at,
	};
	uint64_t now = clock_mono_ns();

	if (!nic->nics->polling)
		loop_for_others(nic->nics->env.loop);
	pump_look(nic->nics->env.pump, now);
	responder_received(nic->nics->env.responder, &probe, now);
	pump_soon(nic->nics->env.pump);
}

static void
nic_ack_sent(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at)
{
	struct nic *nic = arg;
	uint64_t now = clock_mono_ns();

	if (!nic->nics->polling)
		loop_for_others(nic->nics->env.loop);
	pump_look(nic->nics->env.pump, now);
	responder_sent(nic->nics->env.responder, cookie, status, at, now);
	pump_soon(nic->nics->env.pump);
}

static void
nic_ack_arrived(void *arg, const struct endpoint_rx *rx)
{
	struct nic *nic = arg;
	struct prober_rx ack = {
		.src = rx->src,
		.hop_limit = rx->hop_limit,
		.src_qpn = rx->src_qpn,
		.payload = rx->payload,
		.len = rx->len,
		.t5 = rx->at,
	};
	uint64_t now = clock_mono_ns();

	pump_look(nic->nics->env.pump, now);
	prober_received(nic->nics->env.prober, &ack, now);
	pump_soon(nic->nics->env.pump);
}

static enum endpoint_expects
nic_expects(void *arg)
{
	const struct nic *nic = arg;

	switch (nic->budget ? prober_device_expects(nic->budget) : PROBER_EXPECTS_ANY) {
	case PROBER_EXPECTS_NOTHING:
		return ENDPOINT_EXPECTS_NOTHING;
	case PROBER_EXPECTS_SOLICITED:
		return ENDPOINT_EXPECTS_SOLICITED;
	case PROBER_EXPECTS_ANY:
		break;
	}
	return ENDPOINT_EXPECTS_ANY;
}

static void
nic_probe_sent(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at)
{
	struct nic *nic = arg;
	uint64_t now = clock_mono_ns();

	pump_look(nic->nics->env.pump, now);
	prober_sent(nic->nics->env.prober, cookie, status, at, now);
	pump_soon(nic->nics->env.pump);
}

static void
nic_add_stats(struct endpoint_stats *sum, const struct endpoint *ep)
{
	struct endpoint_stats s;

	if (!ep)
		return;
	endpoint_stats(ep, &s);
	sum->sends += s.sends;
	sum->send_errors += s.send_errors;
	sum->receives += s.receives;
	sum->receive_errors += s.receive_errors;
	sum->receives_too_long += s.receives_too_long;
	sum->receive_queue_full += s.receive_queue_full;
}

struct endpoint_stats
nic_stats(const struct nic *nic)
{
	struct endpoint_stats sum = nic->past;

	nic_add_stats(&sum, nic->prober_ep);
	nic_add_stats(&sum, nic->responder_ep);
	return sum;
}

void
nic_free_endpoints(struct nic *nic)
{
	nic->past = nic_stats(nic);
	responder_close_device(nic->nics->env.responder, nic);
	nic_return_drop_paths(nic);
	nic_say(nic, NIC_QUEUES_CLOSING);
	sources_free(nic->sources);
	nic->sources = NULL;
	endpoint_free(nic->prober_ep);
	endpoint_free(nic->responder_ep);
	nic->prober_ep = nic->responder_ep = NULL;
}

static void
nic_endpoint_failed(void *arg, const char *reason)
{
	(void)reason;
	nic_port_queues_failed(arg);
}

/*
 * Makes a pool of QPs with other ports, if each QP has one port. Without the pool, only exact paths
 * are missing.
 */
static void
nic_make_sources(struct nic *nic, const struct endpoint_config *prober)
{
	struct endpoint_config config = *prober;

	config.name = "source";
	config.recv_depth = NIC_SOURCE_RECV;
	config.send_depth = NIC_SOURCE_SEND;
	if (nic->sport_rule == SPORT_RULE_QP && nic->nics->config->trace_source_qps)
		sources_new(&config, nic->nics->config->trace_source_qps,
			    config_mesh_qps(nic->nics->config), &nic->sources);
}

int
nic_make_endpoints(struct nic *nic)
{
	static const struct endpoint_ops prober_ops = {nic_ack_arrived, nic_probe_sent,
						       nic_endpoint_failed, nic_expects};
	static const struct endpoint_ops responder_ops = {nic_probe_arrived, nic_ack_sent,
							  nic_endpoint_failed, NULL};
	struct endpoint_config config = {
		.loop = nic->nics->env.loop,
		.device = nic->device,
		.name = "prober",
		.qkey = nic->nics->env.self->qkey,
		.send_depth = NIC_PROBER_SEND,
		.recv_depth = NIC_PROBER_RECV,
		.send_size = CONFIG_SIZE_MAX,
		.recv_size = PROBE_WIRE_ACK_MAX,
		.ops = &prober_ops,
		.arg = nic,
	};
	struct endpoint_config prober;
	int rc;

	nic_clock_choose(nic);
	config.stamps = nic->clock.stamps;
	prober = config;
	rc = endpoint_new(&config, &nic->prober_ep);
	if (rc < 0)
		return rc;
	config.name = "responder";
	config.send_depth = NIC_RESPONDER_SEND;
	config.recv_depth = NIC_RESPONDER_RECV;
	config.send_size = PROBE_WIRE_ACK_MAX;
	config.recv_size = CONFIG_SIZE_MAX;
	config.ops = &responder_ops;
	rc = endpoint_new(&config, &nic->responder_ep);
	if (rc < 0) {
		endpoint_free(nic->prober_ep);
		nic->prober_ep = NULL;
		return rc;
	}
	nic->incarnation = self_random();
	nic_make_sources(nic, &prober);
	nic_say(nic, NIC_QUEUES_MADE);
	return 0;
}

/* ---- the QPs of probes ---- */

void
nic_source(const struct nic *nic, uint32_t flow_label, struct nic_source *out)
{
	struct endpoint *found = NULL;

	if (nic->sources && flow_label)
		found = sources_get(nic->sources, udp_port_of_label(flow_label));
	*out = (struct nic_source){
		.endpoint = found ? found : nic->prober_ep,
		.rule = nic->sport_rule,
		.found = found != NULL,
	};
	if (!out->endpoint)
		return;
	out->qpn = endpoint_qpn(out->endpoint);
	out->port = sport_of(nic->sport_rule, out->qpn, flow_label);
}

int
nic_send(struct nic *nic, const struct nic_source *source, const struct endpoint_send *send,
	 struct endpoint_tx *tx)
{
	int rc = source->endpoint ? endpoint_send(source->endpoint, send, tx) : -ENODEV;

	/* Busy polling covers only the nic's own QPs. */
	if (rc == 0 && !source->found)
		nics_poll_posted(nic->nics);
	return rc;
}

int
nic_want_port(struct nic *nic, uint16_t port, enum source_user user)
{
	if (!nic->sources || !nic->prober_ep ||
	    sport_of(nic->sport_rule, endpoint_qpn(nic->prober_ep), 0) == port)
		return -EALREADY;
	return sources_want(nic->sources, port, user);
}

void
nic_unwant_port(struct nic *nic, uint16_t port, enum source_user user)
{
	if (!nic->sources)
		return;
	sources_unwant(nic->sources, port, user);
	nic_say(nic, NIC_PORT_FREE);
}
