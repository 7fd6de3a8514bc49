/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: counters
 *
 * A round reads the three directories. Its position is the directory and the entry. A directory is
 * listed in each COUNTERS_LIST_ROUNDS-th round, and in each while it has no files. Between these,
 * the first COUNTERS_OPEN files stay open, because to open and close a file costs more than to read
 * it. But if the process has many files, they do not: sockets of clients need some, too. A file
 * that can no longer be read (ENODEV: its device has gone) is opened anew. The timer begins the
 * next round, or continues this one. At its start, a round asks the driver of the interface. It
 * uses the answer if it comes before the end of the round.
 */
#include "rdma/counters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/loop.h"
#include "rdma/counter_judge.h"
#include "rdma/ethtool.h"

/* The longest time that a round waits for the driver. */
#define COUNTERS_DRIVER_NS NSEC_PER_SEC
#define COUNTERS_PAUSE_MIN_NS (20 * NSEC_PER_MSEC)

enum counters_dir {
	COUNTERS_DIR_HW,
	COUNTERS_DIR_PMA,
	COUNTERS_DIR_NET,
	COUNTERS_DIR_N
};

struct counters_file {
	char name[COUNTERS_NAME];
	int fd; /* -1: not open */
};

struct counters_list {
	struct counters_file *file; /* those to read */
	size_t n;
	uint64_t listed; /* the round in which it was made; 0: none */
};

struct counters_entry {
	struct counter c;
	struct counter_past past;
	uint64_t round; /* the round in which it was last read */
};

struct counters {
	struct counters_config config;
	struct loop_timer *timer;
	char netdev[32];
	bool running;
	struct counters_entry *entries; /* grows up to COUNTERS_MAX */
	size_t n, room;
	uint64_t round;                 /* the present round; 0: none yet */
	uint64_t complete;              /* the last complete round; 0: none yet */
	enum counters_dir dir;
	struct counters_list lists[COUNTERS_DIR_N];
	size_t n_open;                  /* files in them */
	size_t at;
	uint64_t begun_ns, before_ns;   /* of this round and the one before it */
	struct ethtool *asked;          /* of the driver, in round `asked_round`; NULL: none */
	uint64_t asked_round;
	struct counters_info info;
};

/* The counters of an interface that are bad. It also counts packets and bytes. */
static const char *const counters_net_names[] = {
	"rx_dropped",	    "tx_dropped",     "rx_errors",	   "tx_errors",
	"rx_missed_errors", "rx_fifo_errors", "rx_over_errors",	   "rx_crc_errors",
	"rx_frame_errors",  "tx_fifo_errors", "tx_carrier_errors",
};

bool
counters_name_is_bad(const char *name)
{
	static const char *const parts[] = {
		"drop",	       "discard", "err", "retr",    "timeout",	"out_of_seq", "rnr",
		"cnp",	       "ecn",	  "dup", "congest", "missed",	"nak",	      "fail",
		"link_downed", "overrun", "oos", "violat",  "exceeded", "xmit_wait",
		"link_down",   "pause",
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

/* ---- entries ---- */

static struct counters_entry *
counters_entry(struct counters *cs, const char *name)
{
	for (size_t i = 0; i < cs->n; i++)
		if (strcmp(cs->entries[i].c.name, name) == 0)
			return &cs->entries[i];
	if (cs->n == COUNTERS_MAX) {
		cs->info.left_out++;
		return NULL;
	}
	if (cs->n == cs->room) {
		size_t room = cs->room ? 2 * cs->room : 32;
		struct counters_entry *grown = reallocarray(cs->entries, room, sizeof(*grown));

		if (!grown)
			return NULL;
		cs->entries = grown;
		cs->room = room;
	}
	cs->entries[cs->n] = (struct counters_entry){.c.bad = counters_name_is_bad(name)};
	snprintf(cs->entries[cs->n].c.name, sizeof(cs->entries[0].c.name), "%s", name);
	return &cs->entries[cs->n++];
}

static void
counters_take(struct counters *cs, const char *name, uint64_t value)
{
	struct counters_entry *e = counters_entry(cs, name);
	enum counter_reading reading;
	uint64_t risen;

	if (!e || e->round == cs->round)
		return;
	/* A new counter begins with its present value; one that has returned continues. */
	if (!cs->complete)
		e->past.begun = false;
	reading = counter_judge(&e->past, value, &risen);
	/* Add the rise that an interrupted round has seen. */
	e->c.delta = e->round > cs->complete ? e->c.delta + risen : risen;
	e->c.total += risen;
	e->c.resets += reading == COUNTER_RESET;
	e->c.odd += reading == COUNTER_ODD;
	e->c.value = e->past.value;
	e->c.saturated = counter_is_saturated(name, e->c.value);
	if (e->past.begun)
		e->round = cs->round;
}

/* ---- reading ---- */

static void
counters_path(const struct counters *cs, enum counters_dir dir, char path[PATH_MAX])
{
	if (dir == COUNTERS_DIR_NET)
		snprintf(path, PATH_MAX, "%s/class/net/%s/statistics", cs->config.sysfs,
			 cs->netdev);
	else
		snprintf(path, PATH_MAX, "%s/class/infiniband/%s/ports/%u/%s", cs->config.sysfs,
			 cs->config.device, cs->config.port,
			 dir == COUNTERS_DIR_HW ? "hw_counters" : "counters");
}

/* Returns false if the file cannot be read or contains no number ("N/A (no PMA)"). */
static bool
counters_read_number(ssize_t len, char text[64], uint64_t *out)
{
	char *end;

	if (len <= 0 || text[0] < '0' || text[0] > '9')
		return false;
	text[len] = '\0';
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && (*end == '\n' || *end == '\0');
}

static void
counters_close(struct counters *cs, struct counters_file *file)
{
	if (file->fd < 0)
		return;
	close(file->fd);
	file->fd = -1;
	cs->n_open--;
}

static void
counters_open(struct counters *cs, struct counters_file *file)
{
	char path[PATH_MAX];
	size_t at;

	counters_path(cs, cs->dir, path);
	at = strlen(path);
	snprintf(path + at, PATH_MAX - at, "/%s", file->name);
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd >= 0)
		cs->n_open++;
}

static bool
counters_read_file(struct counters *cs, struct counters_file *file, uint64_t *out)
{
	char text[64];
	ssize_t len = -1;

	if (file->fd >= 0)
		len = pread(file->fd, text, sizeof(text) - 1, 0);
	if (len < 0) {
		counters_close(cs, file);
		counters_open(cs, file);
		len = file->fd < 0 ? -1 : pread(file->fd, text, sizeof(text) - 1, 0);
	}
	if (len < 0 || cs->n_open > COUNTERS_OPEN || file->fd >= COUNTERS_FD_MAX)
		counters_close(cs, file);
	return counters_read_number(len, text, out);
}

static void
counters_took(struct counters *cs, const char *name, uint64_t took)
{
	if (took <= cs->info.read_max_ns)
		return;
	cs->info.read_max_ns = took;
	snprintf(cs->info.read_max_name, sizeof(cs->info.read_max_name), "%.*s", COUNTERS_NAME - 1,
		 name);
}

static void
counters_read_one(struct counters *cs, struct counters_file *file)
{
	char name[COUNTERS_NAME + 4];
	uint64_t value = 0, started = clock_mono_ns();

	bool ok = counters_read_file(cs, file, &value);

	snprintf(name, sizeof(name), "%s%s", cs->dir == COUNTERS_DIR_NET ? "net_" : "",
		 file->name);
	counters_took(cs, name, clock_mono_ns() - started);
	if (ok && strlen(name) < COUNTERS_NAME)
		counters_take(cs, name, value);
}

static bool
counters_wants(enum counters_dir dir, const char *name)
{
	if (dir != COUNTERS_DIR_NET)
		return name[0] != '.' && strlen(name) < COUNTERS_NAME &&
		       strcmp(name, "lifespan") != 0;
	for (size_t i = 0; i < sizeof(counters_net_names) / sizeof(counters_net_names[0]); i++)
		if (strcmp(name, counters_net_names[i]) == 0)
			return true;
	return false;
}

static void
counters_drop_list(struct counters *cs, enum counters_dir dir)
{
	struct counters_list *list = &cs->lists[dir];

	for (size_t i = 0; i < list->n; i++)
		counters_close(cs, &list->file[i]);
	free(list->file);
	*list = (struct counters_list){0};
}

/* Returns false if there is no memory or no room for it. */
static bool
counters_list_add(struct counters_list *list, const char *name)
{
	struct counters_file *grown = list->file;

	if (list->n == COUNTERS_MAX)
		return false;
	if ((list->n & (list->n - 1)) == 0) /* powers of two, and 0 */
		grown = reallocarray(list->file, list->n ? 2 * list->n : 1, sizeof(*grown));
	if (!grown)
		return false;
	list->file = grown;
	list->file[list->n].fd = -1;
	snprintf(list->file[list->n++].name, COUNTERS_NAME, "%.*s", COUNTERS_NAME - 1, name);
	return true;
}

/* Lists the files of the directory, if it is time; none if it is missing. */
static void
counters_list_dir(struct counters *cs)
{
	struct counters_list *list = &cs->lists[cs->dir];
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	cs->at = 0;
	if (list->n && cs->round - list->listed < COUNTERS_LIST_ROUNDS)
		return;
	counters_drop_list(cs, cs->dir);
	list->listed = cs->round;
	if (cs->dir == COUNTERS_DIR_NET && !cs->netdev[0])
		return;
	counters_path(cs, cs->dir, path);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (counters_wants(cs->dir, entry->d_name) &&
		    !counters_list_add(list, entry->d_name))
			break;
	closedir(dir);
}

/* Goes to the next directory with files. Returns false if the round is complete. */
static bool
counters_next_dir(struct counters *cs)
{
	while (cs->at == cs->lists[cs->dir].n) {
		if (cs->dir + 1 >= COUNTERS_DIR_N)
			return false;
		cs->dir++;
		counters_list_dir(cs);
	}
	return true;
}

static void
counters_answered(void *arg, const struct ethtool_answer *answer)
{
	struct counters *cs = arg;
	char name[COUNTERS_NAME];

	cs->asked = NULL;
	if (cs->dir == COUNTERS_DIR_N || cs->asked_round != cs->round) {
		cs->info.late++;
		return;
	}
	counters_took(cs, "ethtool", answer->took_ns);
	cs->info.left_out += answer->left_out;
	for (size_t i = 0; i < answer->n; i++) {
		snprintf(name, sizeof(name), "ethtool_%s", answer->values[i].name);
		counters_take(cs, name, answer->values[i].value);
	}
	/* The round may have waited only for this. */
	if (cs->dir + 1 == COUNTERS_DIR_N && cs->at == cs->lists[cs->dir].n)
		loop_timer_set(cs->timer, 0);
}

/* Does not ask a driver again that has not answered yet. Without memory, asks nothing. */
static void
counters_ask_driver(struct counters *cs)
{
	const struct ethtool_question question = {.netdev = cs->netdev,
						  .wants = counters_name_is_bad,
						  .answered = counters_answered,
						  .arg = cs};

	if (cs->asked || !cs->netdev[0] || !cs->config.work)
		return;
	cs->asked_round = cs->round;
	ethtool_ask(cs->config.work, &question, &cs->asked);
}

static void
counters_begin_round(struct counters *cs, uint64_t now_ns)
{
	cs->round++;
	cs->before_ns = cs->begun_ns;
	cs->begun_ns = now_ns;
	cs->info.left_out = 0;
	counters_ask_driver(cs);
	cs->dir = COUNTERS_DIR_HW;
	counters_list_dir(cs);
}

static void
counters_end_round(struct counters *cs)
{
	cs->complete = cs->round;
	cs->info.rounds++;
	cs->info.sampled_ns = cs->begun_ns;
	cs->info.span_ns = cs->before_ns ? cs->begun_ns - cs->before_ns : 0;
	cs->dir = COUNTERS_DIR_N;
	loop_timer_set(cs->timer, COUNTERS_PERIOD_NS - clock_wall_ns() % COUNTERS_PERIOD_NS);
	if (cs->config.sampled)
		cs->config.sampled(cs->config.arg);
}

static void
counters_directories_end(struct counters *cs)
{
	uint64_t passed = clock_mono_ns() - cs->begun_ns;
	bool waits = cs->asked && cs->asked_round == cs->round;

	if (waits && passed < COUNTERS_DRIVER_NS)
		loop_timer_set(cs->timer, COUNTERS_DRIVER_NS - passed);
	else
		counters_end_round(cs);
}

static void
counters_tick(void *arg)
{
	struct counters *cs = arg;
	uint64_t started = clock_mono_ns(), took = 0;

	if (cs->dir == COUNTERS_DIR_N)
		counters_begin_round(cs, started);
	for (int i = 0; i < COUNTERS_BATCH && took < COUNTERS_BATCH_NS; i++) {
		if (!counters_next_dir(cs)) {
			counters_directories_end(cs);
			return;
		}
		counters_read_one(cs, &cs->lists[cs->dir].file[cs->at++]);
		took = clock_mono_ns() - started;
	}
	took = (uint64_t)((double)took / COUNTERS_SHARE);
	loop_timer_set(cs->timer, took > COUNTERS_PAUSE_MIN_NS ? took : COUNTERS_PAUSE_MIN_NS);
}

/* ---- life ---- */

/* The next round lists the directories. */
static void
counters_drop_lists(struct counters *cs)
{
	for (int dir = 0; dir < COUNTERS_DIR_N; dir++)
		counters_drop_list(cs, (enum counters_dir)dir);
	cs->at = 0;
}

int
counters_new(const struct counters_config *config, struct counters **out)
{
	struct counters *cs = calloc(1, sizeof(*cs));
	int rc;

	if (!cs)
		return -ENOMEM;
	cs->config = *config;
	cs->dir = COUNTERS_DIR_N;
	rc = loop_timer_new(config->loop, "counters", counters_tick, cs, &cs->timer);
	if (rc < 0) {
		counters_free(cs);
		return rc;
	}
	*out = cs;
	return 0;
}

void
counters_free(struct counters *cs)
{
	if (!cs)
		return;
	counters_drop_lists(cs);
	ethtool_cancel(cs->asked);
	loop_timer_free(cs->timer);
	free(cs->entries);
	free(cs);
}

void
counters_start(struct counters *cs, const char *netdev)
{
	if (netdev && strcmp(netdev, cs->netdev) != 0) {
		snprintf(cs->netdev, sizeof(cs->netdev), "%s", netdev);
		/* What is open is of the other one. */
		counters_drop_list(cs, COUNTERS_DIR_NET);
		if (cs->dir == COUNTERS_DIR_NET)
			cs->at = 0;
	}
	if (cs->running)
		return;
	cs->running = true;
	loop_timer_set(cs->timer, 0);
}

void
counters_stop(struct counters *cs)
{
	if (!cs->running)
		return;
	cs->running = false;
	/* The round is interrupted, so the next span begins at the last complete round. */
	if (cs->dir != COUNTERS_DIR_N)
		cs->begun_ns = cs->before_ns;
	counters_drop_lists(cs);
	ethtool_cancel(cs->asked);
	cs->asked = NULL;
	cs->dir = COUNTERS_DIR_N;
	loop_timer_clear(cs->timer);
}

const struct counter *
counters_get(const struct counters *cs, size_t i)
{
	/* During a round, or after an interrupted one, some entries already belong to it. */
	for (size_t k = 0; k < cs->n; k++)
		if (cs->entries[k].round && cs->entries[k].round >= cs->complete && i-- == 0)
			return &cs->entries[k].c;
	return NULL;
}

void
counters_info(const struct counters *cs, struct counters_info *out)
{
	*out = cs->info;
}
