/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's configuration, read by libconfig from one file; rpingmeshd.conf(5) describes
 * each key for people. Reading is all or nothing: a file with one mistake yields no config.
 */
#ifndef RPINGMESH_CORE_CONFIG_H
#define RPINGMESH_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/log.h"

#define CONFIG_SIZE_MIN 50u
#define CONFIG_SIZE_MAX 4096u
#define CONFIG_SIZE_MTU 0u /* among sizes: the path MTU, whatever it is */
#define CONFIG_LIST_MAX 64u

/*
 * One entry of `peers`: no two have the same address, device and source. Strings are owned by the
 * config.
 */
struct config_peer {
	char *address;           /* as written: numeric address or host name */
	char *device;            /* local RDMA device to probe from; NULL: the source decides */
	char *source;            /* local numeric address to probe from; NULL: chosen */
	uint32_t interval_ms; /* between probes to this peer, all sizes and flow labels together */
	uint8_t traffic_class;   /* IP TOS / traffic class byte */
	uint8_t service_level;   /* 0 to 15 */
	uint32_t *
		sizes; /* probe payload in bytes, or CONFIG_SIZE_MTU; taken in turn; at least one */
	size_t n_sizes;
	uint32_t *flow_labels;   /* 20 bits each, one path each; at least one */
	size_t n_flow_labels;
};

/* A file that was read, as it was then. */
struct config_file {
	char *path;
	uint64_t dev, ino, size;
	int64_t mtime_s;
	uint32_t mtime_ns;
};

/* Where a key stands that was set. */
struct config_origin {
	const void *key; /* of the table of keys */
	size_t file;     /* of files */
	unsigned int line;
};

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
	struct config_peer
		base; /* what entries of peers start from; without address, device and source */
	uint32_t *sizes;            /* those of base, for flows of services; borrowed from there */
	size_t n_sizes;

	struct addr_net *allow;     /* networks whose probes are answered; none: nobody's */
	size_t n_allow;
	uint32_t responder_per_source; /* probes/s answered per source */
	uint32_t responder_total;      /* probes/s answered in all */

	char *socket;               /* path of the control socket */
	char *socket_group;         /* group that may read; "" for none */
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

	struct config_file *files;  /* the first is the configuration itself */
	size_t n_files;
	struct config_origin *origins;
	size_t n_origins;
};

/* Room for "file:line: key: what was expected, what was found". */
#define CONFIG_ERROR 512

/*
 * Reads and checks `path`. 0 and *out (free with config_free()), or -errno with one line in
 * `error` that names file, line, key and what was expected: -ENOENT/-EACCES/… when the file
 * or one that it includes cannot be read, -EINVAL when it is wrong, -ENOMEM. Unknown keys are
 * errors. Reads a file: may block for as long as that does; called at start and on SIGHUP only.
 */
int config_load(const char *path, struct config **out, char error[CONFIG_ERROR]);

/* The same from text; `name` stands for the file in messages. */
int config_parse(const char *text, const char *name, struct config **out, char error[CONFIG_ERROR]);

void config_free(struct config *config);

/* What a key's value is made of. */
enum config_item_type {
	CONFIG_ITEM_NUMBER,
	CONFIG_ITEM_BOOL, /* number is 0 or 1 */
	CONFIG_ITEM_TEXT,
};
struct config_item {
	enum config_item_type type;
	long long number;
	const char *text;
};

/* One key with its value. */
struct config_value {
	const char *group; /* that the key stands in; NULL: in none */
	const char *name;
	bool list;         /* items are the elements of a list; else there is one */
	const struct config_item *items;
	size_t n_items;
	const char *file;  /* that sets it; NULL: nothing does, it is the default */
	unsigned int line;
	bool restart;      /* a running daemon cannot change it */
};

/*
 * Calls fn for each key but peers, in the order of etc/rpingmeshd.conf's groups. All is valid
 * during the call.
 */
void config_values(const struct config *config,
		   void (*fn)(void *arg, const struct config_value *value), void *arg);

/*
 * The value of a key of config_values() that cannot change in a running daemon: what `old` has goes
 * into `config` and the reverse.
 */
void config_keep_fixed(struct config *config, struct config *old);

/* By address, device and source; < 0, 0 or > 0. */
int config_peer_cmp(const struct config_peer *a, const struct config_peer *b);
/* Whether two entries want the same. */
bool config_peer_equal(const struct config_peer *a, const struct config_peer *b);

/* A copy that owns what it has. 0, or -ENOMEM. */
int config_peer_copy(const struct config_peer *from, struct config_peer *to);
/* Frees what it owns, and all of it is zero. */
void config_peer_clear(struct config_peer *peer);
/* Whether the same streams of probes go to both, wherever and whatever they are. */
bool config_peer_streams_equal(const struct config_peer *a, const struct config_peer *b);

/* Whether the file is another one now, or cannot be read: NULL if not, else static text. */
const char *config_file_changed(const struct config_file *file);

/* The commented default configuration, byte for byte what etc/rpingmeshd.conf holds. */
const char *config_default_text(void);

#endif
