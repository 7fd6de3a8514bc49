/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switches that a host hears by LLDP (IEEE 802.1AB-2016), from the daemon that receives it
 * there. This program receives no frames itself: that needs CAP_NET_RAW.
 *
 * systemd-networkd: from systemd 256 on, over Varlink (the socket io.systemd.Network, which any
 * user may use); before, in the files lldp/INDEX, one for each interface, which hold each received
 * frame behind its length (64 bits, little endian). networkd writes the file again with each frame,
 * and removes it when it hears nothing any more. While it runs, there is links/INDEX.
 *
 * lldpd: its socket has a binary protocol that differs between versions, and only its group may use
 * it. So the unit rpingmesh-lldp.service writes the output of `lldpcli -f json0 show neighbors` to
 * a file, again and again.
 *
 * Nothing that these say is trusted.
 */
#ifndef RPINGMESH_LLDP_LLDP_H
#define RPINGMESH_LLDP_LLDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jdoc;

#define LLDP_NAME 65     /* buffer size of the name of a switch */
#define LLDP_NAMES_MAX 4u
#define LLDP_REASON 192

/* From the worst to the best. */
enum lldp_state {
	LLDP_ABSENT, /* no daemon receives LLDP here */
	LLDP_NONE,   /* one does, and has heard of no switch on this interface */
	LLDP_FAILED, /* one does, but cannot be asked now */
	LLDP_HEARD,
	LLDP_STATE_N
};

/* "absent", "none", "failed", "heard". */
const char *lldp_state_name(enum lldp_state state);

/* The switches at an interface, or at several of them. */
struct lldp_switches {
	enum lldp_state state;
	char names[LLDP_NAMES_MAX][LLDP_NAME]; /* sorted, each once */
	size_t n;
	char reason[LLDP_REASON];              /* of LLDP_FAILED, as a sentence; else "" */
};

/* A neighbour, as a frame or a JSON text describes it. */
struct lldp_neighbour {
	char name[LLDP_NAME]; /* system name or, without one, chassis ID; printable ASCII */
	uint32_t ttl_s;       /* for which it is valid; 0: the neighbour goes */
	bool is_switch;       /* a bridge or a router, or it does not say what it is */
};

/*
 * Reads an Ethernet frame with its header. Returns 0, or -EBADMSG if it is no LLDP frame with the
 * three TLVs that each has, chassis ID, port ID and TTL, or has no name.
 */
int lldp_frame(const uint8_t *frame, size_t len, struct lldp_neighbour *out);

/* Adds the name of a switch, unless it is "", is there, or there is no room. Keeps the order. */
void lldp_add(struct lldp_switches *to, const char *name);
/* Adds all that another one has; of the two states the better one remains. */
void lldp_merge(struct lldp_switches *to, const struct lldp_switches *from);
void lldp_fail(struct lldp_switches *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Where the daemons are asked. */
struct lldp_places {
	const char *networkd_dir; /* "/run/systemd/netif" */
	const char *lldpd_file;   /* "": lldpd is not asked */
	const char *lldpd_socket; /* "/run/lldpd.socket"; is not there while lldpd is stopped */
};

#define LLDP_NETWORKD_DIR "/run/systemd/netif"
#define LLDP_LLDPD_SOCKET "/run/lldpd.socket"
/* The unit writes the file every ten seconds. */
#define LLDP_FILE_OLD_S 60u

/*
 * Asks both daemons, once for all interfaces. Blocks: reads files, and waits two seconds for
 * networkd at most, so call it in a worker thread. `places` is borrowed. NULL: no memory.
 */
struct lldp *lldp_ask(const struct lldp_places *places);
void lldp_free(struct lldp *lldp); /* NULL is allowed */

/* The switches at an interface. */
void lldp_switches(const struct lldp *lldp, const char *name, uint32_t index,
		   struct lldp_switches *out);

/* For this room and its tests: texts of the daemons. Both add what they say of an interface. */
void lldp_lldpd_read(const struct jdoc *json, const char *name, struct lldp_switches *out);
void lldp_networkd_read(const struct jdoc *reply, uint32_t index, struct lldp_switches *out);

/*
 * A file lldp/INDEX of networkd. It was written age_s seconds ago; frames whose time is over count
 * as a failure, because networkd would have removed them. Wrong frames are left out. Returns 0, or
 * -EBADMSG if the last frame is cut.
 */
int lldp_networkd_frames(const uint8_t *data, size_t len, uint64_t age_s,
			 struct lldp_switches *out);

#endif
