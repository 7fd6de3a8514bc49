/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of rpingmeshd; rpingmeshd.conf(5) describes each key for people. Reading is all
 * or nothing: a file with a mistake yields no config.
 */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config/config_peer.h"
#include "core/addr.h"
#include "core/conf.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

struct config {
	char **devices;             /* fnmatch(3) patterns of RDMA device names; none: all */
	size_t n_devices;
	int gid_index;              /* -1: chosen by the daemon */
	uint16_t port;              /* rdma_cm service (RDMA_PS_UDP) the daemons meet at */
	uint32_t timeout_ms;        /* a probe unanswered for this long is not `ok` any more */
	bool clock_software;        /* completion timestamps are not asked for */
	uint32_t busy_poll_us;      /* after a post, at most; 0: not at all */
	uint32_t window_s;          /* length of windows of statistics: divides an hour */
	uint32_t max_probes_per_s;  /* per local RDMA port, everything together */
	uint32_t limit_cpu_percent; /* of one core, for this process; 0: no limit */
	uint32_t limit_memory_mb;   /* resident, MiB; 0: no limit */
	struct config_peer *peers;
	size_t n_peers;
	/* what entries of peers start from; without address, device and source */
	struct config_peer base;
	uint32_t *sizes;            /* those of base, for flows of services; borrowed from there */
	size_t n_sizes;

	struct addr_net *allow;     /* networks whose probes are answered; none: nobody's */
	size_t n_allow;
	uint32_t responder_per_source; /* probes/s answered per source */
	uint32_t responder_total;      /* probes/s answered in all */

	char *socket;               /* path of the control socket */
	char *socket_group;         /* group that may read; "" for none */
	char *user;                 /* that root becomes; "" for "rpingmesh" if it exists */
	char *hostname;             /* told to peers; "" means gethostname(2) */
	char *tor;                  /* name of the ToR switch, told to peers; may be "" */

	enum log_target log_target;
	enum log_level log_level;
	enum log_level log_levels[LOG_SUB_N]; /* per subsystem; log_level unless set */

	bool tracing;               /* follow services' QPs */
	bool trace_probe;           /* and probe along their flows */
	uint32_t trace_interval_ms; /* between probes of one flow */
	uint32_t trace_source_qps; /* source QPs that a port may keep besides its own, where the UDP
				      port is the QP's */
	uint32_t trace_max_qps;     /* QPs kept track of */
	uint32_t trace_max_flows;   /* flows kept track of */
	char *metrics_listen;       /* "address:port", or "" for none */
	bool metrics_by_tor;        /* paths by the peer's ToR, not by its address */
	uint32_t metrics_max_paths; /* told apart in metrics */

	struct conf_source source;  /* the files, and where each key is set */
};

/* The keys that each stands for a field of struct config; peers is among them. */
extern const struct conf_key config_keys[];

/*
 * Reads and checks `path`. 0 and *out (free with config_free()), or -errno with at least one
 * mistake in *errors: -ENOENT/-EACCES/… when the file cannot be read, -EINVAL when it or one that
 * it includes is wrong, -EFBIG, -ELOOP (too many includes), -ENOMEM. Unknown keys are mistakes.
 * Reads files: may block for as long as that does; called at start and on SIGHUP only.
 */
int config_load(const char *path, struct config **out, struct conf_errors *errors);

/* The same from text; `name` stands for the file in messages. */
int config_parse(const char *text, const char *name, struct config **out,
		 struct conf_errors *errors);

void config_free(struct config *config);

/* The commented default configuration, byte for byte what etc/rpingmeshd.conf holds. */
const char *config_default_text(void);

#endif
