/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: sidr
 *
 * The loop watches one non-blocking rdma_cm event channel. An rdma_cm id belongs to a listener, to
 * a call or to a received request, and its owner destroys it; id->context points to the owner.
 * rdma_destroy_id(3) waits until all fetched events of the id are acknowledged, so each event is
 * copied and acknowledged before it is handled.
 *
 *   call:  ADDR -> ROUTE -> REPLY -> answered        (address_only: ADDR -> answered)
 *
 * Timer: each call has one for its time limit. If rdma_cm refuses at once, the same timer reports
 * it, so that sidr_ask() itself never calls answered().
 */
#include "rdma/sidr.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define SIDR_EVENTS_PER_WAKEUP 64
#define SIDR_BACKLOG \
	1024 /* the kernel's maximum, because hundreds of hosts may ask while this one stalls */
#define SIDR_STATUS_REJECT 2 /* IB_SIDR_REJECT */
#define SIDR_ROUTE_TIMEOUT_MS 1000
#define SIDR_REPLY_MAX 136

enum sidr_owner {
	SIDR_OWNER_LISTENER,
	SIDR_OWNER_CALL,
	SIDR_OWNER_REQUEST,
};

/* The first member of each object that id->context may point to. */
struct sidr_id {
	enum sidr_owner owner;
	struct rdma_cm_id *cm;
};

struct sidr {
	struct rdma_event_channel *channel;
	struct loop *loop;
	struct loop_fd *ready;
};

struct sidr_listener {
	struct sidr_id id;
	struct sidr_listener_config config;
};

static const char *const sidr_step_names[] = {
	"resolving the address",
	"resolving the route",
	"waiting for the answer of the peer's daemon",
};
static_assert(sizeof(sidr_step_names) / sizeof(sidr_step_names[0]) == SIDR_STEP_N,
	      "a name for each step");

const char *
sidr_step_name(enum sidr_step step)
{
	return step < SIDR_STEP_N ? sidr_step_names[step] : "?";
}

struct sidr_call {
	struct sidr_id id;
	struct loop_timer *timer;
	struct sidr_question question;
	enum sidr_step step;
	int failed; /* an immediate failure, -errno, which the timer reports */
	uint8_t data[SIDR_DATA_MAX];
};

struct sidr_request {
	struct sidr_id id;
};

/* A copy of an event for the time after its acknowledgement. */
struct sidr_event {
	struct rdma_cm_id *cm;
	enum rdma_cm_event_type type;
	int status;
	uint8_t data[256];
	size_t len;
};

static void
sidr_id_destroy(struct sidr_id *id)
{
	if (id->cm && rdma_destroy_id(id->cm))
		log_warning(CM, "rdma_cm id cannot be destroyed: %s", strerror(errno));
	id->cm = NULL;
}

static void
sidr_call_free(struct sidr_call *call)
{
	sidr_id_destroy(&call->id);
	loop_timer_free(call->timer);
	free(call);
}

static void
sidr_call_end(struct sidr_call *call, int status, const uint8_t *data, size_t len)
{
	struct sidr_answer answer = {
		.status = status,
		.step = call->step,
		.data = data,
		.len = len,
	};
	struct sidr_question question = call->question;

	sidr_call_free(call);
	question.answered(question.arg, &answer);
}

static void
sidr_call_timer(void *arg)
{
	struct sidr_call *call = arg;

	sidr_call_end(call, call->failed ? call->failed : -ETIMEDOUT, NULL, 0);
}

static int
sidr_connect(struct sidr_call *call)
{
	struct rdma_conn_param param = {
		.private_data = call->data,
		.private_data_len = (uint8_t)call->question.len,
	};

	return rdma_connect(call->id.cm, &param) ? -errno : 0;
}

/* Takes the next step after a successful one. Returns 0: it waits; 1: it has ended; or -errno. */
static int
sidr_call_advance(struct sidr_call *call, const struct sidr_event *event)
{
	switch (call->step) {
	case SIDR_STEP_ADDRESS:
		if (call->question.address_only) {
			sidr_call_end(call, 0, NULL, 0);
			return 1;
		}
		call->step = SIDR_STEP_ROUTE;
		return rdma_resolve_route(call->id.cm, SIDR_ROUTE_TIMEOUT_MS) ? -errno : 0;
	case SIDR_STEP_ROUTE:
		call->step = SIDR_STEP_REPLY;
		return sidr_connect(call);
	case SIDR_STEP_REPLY:
		sidr_call_end(call, 0, event->data, event->len);
		return 1;
	case SIDR_STEP_N:
		break;
	}
	return -EPROTO;
}

/* Converts rdma_cm's status, which is -errno, or the positive status of a SIDR reply or reject. */
static int
sidr_error(const struct sidr_event *event)
{
	/*
	 * In kernel 6.1, cm_destroy_id() also sends this for a request if the listener's queue is
	 * full. Without a listener the status is another.
	 */
	if (event->status == SIDR_STATUS_REJECT)
		return -EBUSY;
	if (event->status > 0)
		return -ECONNREFUSED;
	return event->status ? event->status : -EHOSTUNREACH;
}

static void
sidr_call_event(struct sidr_call *call, const struct sidr_event *event)
{
	static const enum rdma_cm_event_type expected[] = {
		[SIDR_STEP_ADDRESS] = RDMA_CM_EVENT_ADDR_RESOLVED,
		[SIDR_STEP_ROUTE] = RDMA_CM_EVENT_ROUTE_RESOLVED,
		[SIDR_STEP_REPLY] = RDMA_CM_EVENT_ESTABLISHED,
	};
	int rc = -EPROTO;

	if (event->type == RDMA_CM_EVENT_ADDR_ERROR || event->type == RDMA_CM_EVENT_ROUTE_ERROR ||
	    event->type == RDMA_CM_EVENT_UNREACHABLE || event->type == RDMA_CM_EVENT_REJECTED)
		rc = sidr_error(event);
	else if (event->type == RDMA_CM_EVENT_DEVICE_REMOVAL)
		rc = -ENODEV;
	else if (event->type == expected[call->step])
		rc = sidr_call_advance(call, event);
	if (rc < 0)
		sidr_call_end(call, rc, NULL, 0);
}

static void
sidr_request_event(struct sidr_listener *listener, const struct sidr_event *event)
{
	struct sidr_request *request = calloc(1, sizeof(*request));
	struct sidr_request_info info = {.data = event->data, .len = event->len};

	if (!request || addr_from_sockaddr(rdma_get_local_addr(event->cm), &info.local) < 0 ||
	    addr_from_sockaddr(rdma_get_peer_addr(event->cm), &info.remote) < 0) {
		free(request);
		rdma_destroy_id(event->cm);
		return;
	}
	request->id = (struct sidr_id){.owner = SIDR_OWNER_REQUEST, .cm = event->cm};
	event->cm->context = request;
	listener->config.requested(listener->config.arg, request, &info);
}

static void
sidr_dispatch(const struct sidr_event *event)
{
	struct sidr_id *id = event->cm->context;

	switch (id->owner) {
	case SIDR_OWNER_CALL:
		sidr_call_event((struct sidr_call *)id, event);
		return;
	case SIDR_OWNER_LISTENER:
		if (event->type == RDMA_CM_EVENT_CONNECT_REQUEST)
			sidr_request_event((struct sidr_listener *)id, event);
		else if (event->type == RDMA_CM_EVENT_DEVICE_REMOVAL)
			sidr_id_destroy(id);
		return;
	case SIDR_OWNER_REQUEST:
		/* Its owner will answer or drop it; no event before changes that. */
		return;
	}
}

static void
sidr_ready(void *arg, int events)
{
	struct sidr *sidr = arg;
	struct rdma_cm_event *cm;

	(void)events;
	for (int n = 0; n < SIDR_EVENTS_PER_WAKEUP; n++) {
		struct sidr_event event;
		const struct rdma_ud_param *ud;

		if (rdma_get_cm_event(sidr->channel, &cm))
			return;
		ud = &cm->param.ud;
		event = (struct sidr_event){.cm = cm->id, .type = cm->event, .status = cm->status};
		static_assert(sizeof(event.data) > UINT8_MAX, "room for any private data");
		if (ud->private_data && (cm->event == RDMA_CM_EVENT_CONNECT_REQUEST ||
					 cm->event == RDMA_CM_EVENT_ESTABLISHED)) {
			event.len = ud->private_data_len;
			memcpy(event.data, ud->private_data, event.len);
		}
		rdma_ack_cm_event(cm);
		log_debug(CM, "%s, status %d", rdma_event_str(event.type), event.status);
		sidr_dispatch(&event);
	}
}

const char *
sidr_cure(int rc)
{
	switch (rc) {
	case -ENODEV:
	case -ENOENT:
		return "; no RDMA connection manager in the kernel: modprobe rdma_ucm";
	case -EACCES:
	case -EPERM:
		return "; the daemon's user needs read and write access to /dev/infiniband/rdma_cm";
	default:
		return "";
	}
}

int
sidr_new(struct loop *loop, struct sidr **out)
{
	struct sidr *sidr = calloc(1, sizeof(*sidr));
	struct loop_fd_config watch = {
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "rdma_cm",
		.cb = sidr_ready,
		.arg = sidr,
	};
	int flags, rc;

	if (!sidr)
		return -ENOMEM;
	sidr->loop = loop;
	sidr->channel = rdma_create_event_channel();
	if (!sidr->channel) {
		rc = errno ? -errno : -ENODEV;
		goto fail;
	}
	flags = fcntl(sidr->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(sidr->channel->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		rc = -errno;
		goto fail;
	}
	watch.fd = sidr->channel->fd;
	rc = loop_fd_new(loop, &watch, &sidr->ready);
	if (rc < 0)
		goto fail;
	*out = sidr;
	return 0;
fail:
	sidr_free(sidr);
	return rc;
}

void
sidr_free(struct sidr *sidr)
{
	if (!sidr)
		return;
	loop_fd_free(sidr->ready);
	if (sidr->channel)
		rdma_destroy_event_channel(sidr->channel);
	free(sidr);
}

/*
 * Whether a descriptor of this process belongs to a removed uverbs device, or to its events.
 */
static bool
sidr_is_stale_fd(int dir, const char *name)
{
	static const char node[] = "/dev/infiniband/uverbs",
			  events[] = "anon_inode:[infinibandevent]";
	char link[128];
	ssize_t len = readlinkat(dir, name, link, sizeof(link) - 1);

	if (len <= 0)
		return false;
	link[len] = '\0';
	return strcmp(link, events) == 0 ||
	       (strncmp(link, node, strlen(node)) == 0 && strstr(link, " (deleted)"));
}

/*
 * If no device is left, librdmacm does not check its own list (version 44: sync_devices_list() ends
 * early), and keeps the last devices open. So replace their descriptors by /dev/null, until
 * librdmacm closes them itself.
 */
static void
sidr_close_stale(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (null >= 0 && dir && (entry = readdir(dir))) {
		if (!sidr_is_stale_fd(dirfd(dir), entry->d_name))
			continue;
		fd = atoi(entry->d_name);
		if (dup3(null, fd, O_CLOEXEC) < 0)
			log_warning(CM, "a device that has gone stays open: %s", strerror(errno));
	}
	if (dir)
		closedir(dir);
	if (null >= 0)
		close(null);
}

void
sidr_forget_gone(bool none_left)
{
	/* Only this call makes librdmacm compare its list with the kernel's. */
	struct ibv_context **devices = rdma_get_devices(NULL);

	if (devices)
		rdma_free_devices(devices);
	if (none_left)
		sidr_close_stale();
}

static int
sidr_call_start(struct sidr *sidr, struct sidr_call *call)
{
	struct sockaddr_storage local, remote;

	if (rdma_create_id(sidr->channel, &call->id.cm, call, RDMA_PS_UDP)) {
		call->id.cm = NULL;
		return -errno;
	}
	addr_to_sockaddr(&call->question.local, 0, &local);
	addr_to_sockaddr(&call->question.remote, call->question.port, &remote);
	if (rdma_resolve_addr(call->id.cm, (struct sockaddr *)&local, (struct sockaddr *)&remote,
			      (int)call->question.timeout_ms))
		return -errno;
	return 0;
}

int
sidr_ask(struct sidr *sidr, const struct sidr_question *question, struct sidr_call **out)
{
	struct sidr_call *call;
	int rc;

	if (question->len > SIDR_DATA_MAX)
		return -EINVAL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->id.owner = SIDR_OWNER_CALL;
	call->question = *question;
	if (question->len)
		memcpy(call->data, question->data, question->len);
	rc = loop_timer_new(sidr->loop, "sidr timeout", sidr_call_timer, call, &call->timer);
	if (rc < 0) {
		free(call);
		return rc;
	}
	call->failed = sidr_call_start(sidr, call);
	loop_timer_set(call->timer, call->failed ? 0 : question->timeout_ms * NSEC_PER_MSEC);
	*out = call;
	return 0;
}

void
sidr_cancel(struct sidr_call *call)
{
	if (call)
		sidr_call_free(call);
}

int
sidr_listen(struct sidr *sidr, const struct sidr_listener_config *config,
	    struct sidr_listener **out)
{
	struct sidr_listener *listener = calloc(1, sizeof(*listener));
	struct sockaddr_storage local;
	char text[ADDR_TEXT];
	int rc;

	if (!listener)
		return -ENOMEM;
	listener->id.owner = SIDR_OWNER_LISTENER;
	listener->config = *config;
	addr_to_sockaddr(&config->local, config->port, &local);
	if (rdma_create_id(sidr->channel, &listener->id.cm, listener, RDMA_PS_UDP)) {
		rc = -errno;
		listener->id.cm = NULL;
		goto fail;
	}
	if (rdma_bind_addr(listener->id.cm, (struct sockaddr *)&local) ||
	    rdma_listen(listener->id.cm, SIDR_BACKLOG)) {
		rc = -errno;
		goto fail;
	}
	*out = listener;
	return 0;
fail:
	log_error(CM, "cannot listen on %s, rdma_cm port %u: %s%s", addr_text(&config->local, text),
		  config->port, strerror(-rc),
		  rc == -EADDRINUSE ? "; another rpingmeshd serves this address" : "");
	sidr_listener_free(listener);
	return rc;
}

void
sidr_listener_free(struct sidr_listener *listener)
{
	if (!listener)
		return;
	sidr_id_destroy(&listener->id);
	free(listener);
}

int
sidr_answer(struct sidr_request *request, uint32_t qpn, const uint8_t *data, size_t len)
{
	struct rdma_conn_param param = {
		.private_data = data,
		.private_data_len = (uint8_t)len,
		.qp_num = qpn,
	};
	int rc = 0;

	if (len > SIDR_REPLY_MAX)
		rc = -EMSGSIZE;
	else if (rdma_accept(request->id.cm, &param))
		rc = -errno;
	sidr_drop(request);
	return rc;
}

void
sidr_drop(struct sidr_request *request)
{
	sidr_id_destroy(&request->id);
	free(request);
}
