/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of rpingmeshd; rpingmeshd.conf(5) describes each key. A file with a mistake is
 * rejected as a whole.
 */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config/config_cluster.h"
#include "agent/config/config_peer.h"
#include "core/addr.h"
#include "core/conf.h"
#include "core/keys.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

struct config {
	char **devices;             /* fnmatch(3) patterns of RDMA device names; none: all */
	size_t n_devices;
	int gid_index;              /* -1: the daemon chooses */
	uint16_t port;              /* rdma_cm port (RDMA_PS_UDP) of all daemons */
	uint32_t timeout_ms;        /* without an answer for so long, a probe is not `ok` */
	bool clock_software;        /* do not use completion timestamps */
	uint32_t busy_poll_us;      /* the longest busy polling after a post; 0: none */
	uint32_t window_s;          /* length of windows of statistics; divides an hour */
	uint32_t max_probes_per_s;  /* for each local RDMA port, all probes together */
	uint32_t limit_cpu_percent; /* of one core, for this process; 0: no limit */
	uint32_t limit_memory_mb;   /* resident, MiB; 0: no limit */
	struct config_peer *peers;
	size_t n_peers;
	/* the values that entries of peers start from; without address, device and source */
	struct config_peer base;
	uint32_t *sizes;            /* for flows of services; borrowed from base */
	size_t n_sizes;

	struct addr_net *allow;     /* networks whose probes are answered; empty: no networks */
	size_t n_allow;
	uint32_t responder_per_source; /* answers/s for each source */
	uint32_t responder_total;      /* answers/s for all sources */

	char *socket;               /* path of the control socket */
	char *socket_group;         /* group that may read; "": none */
	char *user;                 /* the user that root becomes; "": "rpingmesh" if it exists */
	char *key_file;             /* keys shared with peers; "": none */
	struct keys keys;           /* those of the file */
	char *hostname;             /* for peers; "": gethostname(2) */
	char *tor;                  /* name of the ToR switch for peers; may be "" */

	enum log_target log_target;
	enum log_level log_level;
	enum log_level log_levels[LOG_SUB_N]; /* of each subsystem; the default is log_level */

	bool tracing;               /* trace the QPs of services */
	bool trace_probe;           /* probe the paths of their flows */
	uint32_t trace_interval_ms; /* between probes of one flow */
	uint32_t trace_source_qps; /* the most source QPs of a port, in addition to its own, if the
				      QP determines the UDP port */
	uint32_t trace_max_qps;     /* the most QPs in the table */
	uint32_t trace_max_flows;   /* the most flows in the table */
	char *metrics_listen;       /* "address:port", or "" for none */
	bool metrics_by_tor;        /* the peer's ToR identifies a path, not its address */
	uint32_t metrics_max_paths; /* the most paths with metrics of their own */
	uint32_t metrics_path_histograms; /* the most paths that each have histograms */

	struct config_cluster cluster;

	struct conf_source source;  /* the files, and where each key is set */
};

/* The table of keys, each for a field of struct config; peers is one of them. */
extern const struct conf_key config_keys[];

/*
 * Reads and checks `path`. Returns 0 and sets *out, which the caller frees with config_free(), or
 * returns -errno with at least one mistake in *errors: -ENOENT, -EACCES and others if the file
 * cannot be read; -EINVAL if it or an included file is wrong; -EFBIG; -ELOOP (too many includes);
 * -ENOMEM. Unknown keys are mistakes. Blocks while the files are read, so call it only at the start
 * and for a reload.
 */
int config_load(const char *path, struct config **out, struct conf_errors *errors);

/* Parses text in the same way; messages use `name` as the name of the file. */
int config_parse(const char *text, const char *name, struct config **out,
		 struct conf_errors *errors);

void config_free(struct config *config);
/* How many of trace_source_qps the mesh may use. The rest is left to services. */
uint32_t config_mesh_qps(const struct config *config);

/* The default configuration with its comments, the exact text of etc/rpingmeshd.conf. */
const char *config_default_text(void);

#endif
