/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: one connection to a broker
 *
 * A link goes from CONNECTING (TCP) to GREETING (TLS and CONNECT) to UP, and from any of these to
 * BROKEN, from where only bus_link_free() leads on. bus_link_break() is the only way there. The
 * timer calls `down`, so that no function of libmosquitto is on the stack when the owner frees the
 * link. Before that, the timer is the time limit of the connection, then its keepalive.
 *
 * libmosquitto is made for its own loop. These are the differences, and what the link does:
 *
 * - It closes its socket before it says so. An event on a closed socket makes libevent fail, or
 *   watch a stranger that got the same number. Therefore the link watches a duplicate of its own.
 * - mosquitto_connect_async() looks names up, which blocks. The link passes numeric addresses only.
 * - While TLS begins, it takes errors of the socket for "try again", and would be called for ever.
 *   Therefore the link asks the kernel for the state of the socket.
 * - One call reads one packet, and TLS may hold more that no poll reports. The link reads on until
 *   the library would have to wait, BUS_LINK_READS packets at most and for BUS_LINK_READ_NS, then
 *   polls.
 * - It reserves memory for as much as a packet says that it contains. The kernel's count of bytes
 *   bounds what is really received.
 * - mosquitto_publish() calls back before it returns. The owner must expect that.
 */
#include "bus/bus_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/bus_queue.h"
#include "bus/bus_reason.h"
#include "bus/bus_tls.h"
#include "core/clock.h"
#include "core/loop.h"

#define BUS_LINK_READS 32
#define BUS_LINK_READ_NS (2 * NSEC_PER_MSEC) /* the owner may take long for a packet */
#define BUS_LINK_ESTABLISHED 1 /* TCP_ESTABLISHED of the kernel, which <linux/tcp.h> lacks */

enum bus_link_phase {
	BUS_LINK_CONNECTING,
	BUS_LINK_GREETING,
	BUS_LINK_UP,
	BUS_LINK_BROKEN,
};

struct bus_link {
	struct loop *loop;
	struct mosquitto *mosq;
	struct loop_fd *watch;
	struct loop_timer *timer;
	const struct bus_link_ops *ops;
	void *user;
	const struct bus_tls *tls;
	enum bus_link_phase phase;
	int fd; /* a duplicate of libmosquitto's socket, or -1 */
	uint64_t tick_ns;
	size_t packet_max;
	int64_t packet_since; /* bytes that the library had read when the last packet was whole */
	char library[BUS_LINK_ERROR / 2];  /* what OpenSSL said last */
	char reason[BUS_LINK_ERROR];
};

static void
bus_link_unwatch(struct bus_link *link)
{
	loop_fd_free(link->watch);
	link->watch = NULL;
}

static void
bus_link_break(struct bus_link *link, const char *reason)
{
	if (link->phase == BUS_LINK_BROKEN)
		return;
	link->phase = BUS_LINK_BROKEN;
	bus_link_unwatch(link);
	if (link->tls && bus_tls_refused(link->tls)[0])
		reason = bus_tls_refused(link->tls);
	snprintf(link->reason, sizeof(link->reason), "%s", reason);
	loop_timer_set(link->timer, 0);
}

static const char *
bus_link_closed(const struct bus_link *link)
{
	if (link->phase == BUS_LINK_UP)
		return "the broker has closed the connection";
	if (link->tls && !bus_tls_has_certificate(link->tls))
		return "the broker has closed the connection before it answered; it may ask for a "
		       "client certificate (`certificate`)";
	if (link->tls)
		return "the broker has closed the connection before it answered; it may not "
		       "accept the client certificate";
	return "the broker has closed the connection before it answered; is its port one with TLS "
	       "(mqtts://)?";
}

/* What libmosquitto's rc says; errno belongs to it. */
static const char *
bus_link_why(const struct bus_link *link, int rc, int error)
{
	if (rc == MOSQ_ERR_CONN_LOST ||
	    (rc == MOSQ_ERR_ERRNO &&
	     (error == ECONNRESET || error == EPIPE || error == EPROTO /* of TLS */)))
		return bus_link_closed(link);
	if (rc == MOSQ_ERR_ERRNO && error == ECONNREFUSED)
		return "refused: no broker listens on this port";
	if (rc == MOSQ_ERR_ERRNO)
		return strerror(error);
	if (rc == MOSQ_ERR_PROTOCOL || rc == MOSQ_ERR_MALFORMED_PACKET)
		return "what answers speaks no MQTT";
	if (rc == MOSQ_ERR_KEEPALIVE)
		return "the broker does not answer any more";
	return mosquitto_strerror(rc);
}

static void
bus_link_fail(struct bus_link *link, int rc, int error)
{
	char text[BUS_LINK_ERROR];

	if (!link->library[0]) {
		bus_link_break(link, bus_link_why(link, rc, error));
		return;
	}
	snprintf(text, sizeof(text), "TLS: %s%s", link->library,
		 bus_reason_tls(link->library));
	bus_link_break(link, text);
}

/* The state of the socket in the kernel. Returns whether it is known. */
static bool
bus_link_tcp(const struct bus_link *link, struct tcp_info *info)
{
	socklen_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

/*
 * Bytes that the library has read. More may come between the two questions to the kernel, so this
 * may go back a little. 0 if the kernel does not know.
 */
static int64_t
bus_link_taken(const struct bus_link *link)
{
	struct tcp_info info;
	int unread = 0;

	if (!bus_link_tcp(link, &info) || ioctl(link->fd, SIOCINQ, &unread) < 0)
		return 0;
	return (int64_t)info.tcpi_bytes_received - unread;
}

/* A packet has been received as a whole. */
static void
bus_link_packet_whole(struct bus_link *link)
{
	link->packet_since = bus_link_taken(link);
}

/* Ends the connection if a packet grows too long. TLS adds a few percent. */
static void
bus_link_check_packet(struct bus_link *link)
{
	int64_t most = (int64_t)(link->packet_max + link->packet_max / 16);
	char text[BUS_LINK_ERROR];

	if (link->phase == BUS_LINK_BROKEN || bus_link_taken(link) - link->packet_since <= most)
		return;
	snprintf(text, sizeof(text),
		 "the broker sends a packet of more than %zu KB; limit the size of messages there "
		 "(message_size_limit of mosquitto)",
		 link->packet_max / 1024);
	bus_link_break(link, text);
}

/* Takes what a call of libmosquitto has returned, and watches for what it now wants. */
static void
bus_link_called(struct bus_link *link, int rc, int error)
{
	bool write;

	if (link->phase == BUS_LINK_BROKEN)
		return;
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(link->mosq) < 0) {
		bus_link_fail(link, rc == MOSQ_ERR_SUCCESS ? MOSQ_ERR_CONN_LOST : rc, error);
		return;
	}
	write = mosquitto_want_write(link->mosq) || link->phase == BUS_LINK_CONNECTING;
	if (loop_fd_set(link->watch, (link->phase == BUS_LINK_CONNECTING ? 0 : LOOP_READ) |
					     (write ? LOOP_WRITE : 0)) < 0)
		bus_link_break(link, "no memory");
}

/* ---- libmosquitto's callbacks ---- */

static void
bus_link_on_connect(struct mosquitto *mosq, void *arg, int code)
{
	struct bus_link *link = arg;

	(void)mosq;
	bus_link_packet_whole(link);
	if (code != 0) {
		bus_link_break(link, bus_reason_refusal(code));
	} else if (link->phase == BUS_LINK_GREETING) {
		link->phase = BUS_LINK_UP;
		loop_timer_set(link->timer, link->tick_ns);
		link->ops->up(link->user);
	}
}

static void
bus_link_on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *message)
{
	struct bus_link *link = arg;

	(void)mosq;
	bus_link_packet_whole(link);
	if (link->phase == BUS_LINK_UP)
		link->ops->message(link->user, message->topic, message->payload,
				   (size_t)message->payloadlen, message->retain);
}

static void
bus_link_on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct bus_link *link = arg;

	(void)mosq;
	bus_link_packet_whole(link);
	if (link->phase == BUS_LINK_UP)
		link->ops->done(link->user, mid);
}

static void
bus_link_on_subscribe(struct mosquitto *mosq, void *arg, int mid, int n, const int *granted)
{
	struct bus_link *link = arg;

	(void)mosq;
	bus_link_packet_whole(link);
	if (link->phase == BUS_LINK_UP)
		link->ops->granted(link->user, mid, n > 0 && granted[0] < 0x80);
}

/*
 * Keeps the reason of "OpenSSL Error[0]: error:0A000086:SSL routines::certificate ...". The answer
 * to a ping has no callback of its own.
 */
static void
bus_link_on_log(struct mosquitto *mosq, void *arg, int level, const char *text)
{
	struct bus_link *link = arg;
	const char *reason = strrchr(text, ':');

	(void)mosq;
	(void)level;
	if (strstr(text, "received PINGRESP"))
		bus_link_packet_whole(link);
	if (reason && strncmp(text, "OpenSSL Error", 13) == 0)
		snprintf(link->library, sizeof(link->library), "%s", reason + 1);
}

/* ---- the loop ---- */

/* The TCP connection is there, or it has failed. Returns whether it is there. */
static bool
bus_link_connected(struct bus_link *link)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	size = sizeof(ss);
	/* The library may have fetched the error already. */
	if (error == 0 && getpeername(link->fd, (struct sockaddr *)&ss, &size) < 0)
		error = ECONNREFUSED;
	if (error)
		bus_link_fail(link, MOSQ_ERR_ERRNO, error);
	else
		link->phase = BUS_LINK_GREETING;
	return error == 0;
}

/* The broker has closed the connection, and all that it sent has been read. */
static bool
bus_link_ended(const struct bus_link *link)
{
	struct tcp_info info;
	int unread = 0;

	return bus_link_tcp(link, &info) && info.tcpi_state != BUS_LINK_ESTABLISHED &&
	       ioctl(link->fd, SIOCINQ, &unread) == 0 && unread == 0;
}

static void
bus_link_read(struct bus_link *link)
{
	uint64_t end_ns = clock_mono_ns() + BUS_LINK_READ_NS;
	int rc = MOSQ_ERR_SUCCESS, error = 0;

	for (int i = 0; i < BUS_LINK_READS && rc == MOSQ_ERR_SUCCESS && error != EAGAIN; i++) {
		if (i && clock_mono_ns() >= end_ns)
			break;
		errno = 0;
		rc = mosquitto_loop_read(link->mosq, 1);
		error = errno;
		if (link->phase == BUS_LINK_BROKEN || mosquitto_socket(link->mosq) < 0)
			break;
	}
	if (rc == MOSQ_ERR_SUCCESS && link->phase == BUS_LINK_GREETING && bus_link_ended(link))
		rc = MOSQ_ERR_CONN_LOST;
	bus_link_called(link, rc, error);
	bus_link_check_packet(link);
}

/* TLS may hold packets that no poll reports. */
static bool
bus_link_has_more(const struct bus_link *link)
{
	SSL *ssl = link->tls && link->phase == BUS_LINK_UP ? mosquitto_ssl_get(link->mosq) : NULL;

	return ssl && SSL_pending(ssl) > 0;
}

static void
bus_link_ready(void *arg, int events)
{
	struct bus_link *link = arg;
	int rc;

	if (link->phase == BUS_LINK_CONNECTING && !bus_link_connected(link))
		return;
	/* First what the broker has said: after an alert of TLS, writing fails without a reason. */
	bus_link_read(link);
	if ((events & LOOP_WRITE) && link->phase != BUS_LINK_BROKEN) {
		errno = 0;
		rc = mosquitto_loop_write(link->mosq, 1);
		bus_link_called(link, rc, errno);
	}
	if (link->phase != BUS_LINK_BROKEN && bus_link_has_more(link))
		loop_timer_set(link->timer, 0);
}

/* Keeps the connection alive. */
static void
bus_link_keep(struct bus_link *link)
{
	int rc;

	if (bus_link_has_more(link))
		bus_link_read(link);
	if (link->phase == BUS_LINK_BROKEN)
		return;
	errno = 0;
	rc = mosquitto_loop_misc(link->mosq);
	bus_link_called(link, rc, errno);
	if (link->phase == BUS_LINK_UP)
		loop_timer_set(link->timer, bus_link_has_more(link) ? 0 : link->tick_ns);
}

static void
bus_link_time(void *arg)
{
	struct bus_link *link = arg;

	switch (link->phase) {
	case BUS_LINK_CONNECTING:
		bus_link_break(link, "the host of the broker does not answer");
		break;
	case BUS_LINK_GREETING:
		bus_link_break(link, "the broker accepts the connection, but does not answer");
		break;
	case BUS_LINK_UP:
		bus_link_keep(link);
		break;
	case BUS_LINK_BROKEN:
		link->ops->down(link->user, link->reason); /* frees the link */
		break;
	}
}

/* ---- begin and end ---- */

static int
bus_link_mosq_error(int rc)
{
	return rc == MOSQ_ERR_SUCCESS ? 0 : rc == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
}

static int
bus_link_set_tls(struct bus_link *link)
{
	int rc;

	if (!link->tls)
		return 0;
	rc = mosquitto_int_option(link->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_void_option(link->mosq, MOSQ_OPT_SSL_CTX,
					   bus_tls_context(link->tls));
	return bus_link_mosq_error(rc);
}

static int
bus_link_set_up(struct bus_link *link, const struct bus_link_config *config)
{
	int rc;

	link->mosq = mosquitto_new(config->client_id, true, link);
	if (!link->mosq)
		return errno ? -errno : -ENOMEM;
	mosquitto_connect_callback_set(link->mosq, bus_link_on_connect);
	mosquitto_message_callback_set(link->mosq, bus_link_on_message);
	mosquitto_publish_callback_set(link->mosq, bus_link_on_publish);
	mosquitto_subscribe_callback_set(link->mosq, bus_link_on_subscribe);
	mosquitto_log_callback_set(link->mosq, bus_link_on_log);
	mosquitto_int_option(link->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	rc = bus_link_set_tls(link);
	if (rc == 0 && config->user)
		rc = bus_link_mosq_error(mosquitto_username_pw_set(link->mosq, config->user,
								   config->password));
	if (rc == 0 && config->will)
		rc = bus_link_mosq_error(
			mosquitto_will_set(link->mosq, config->will, 0, NULL, 1, true));
	return rc;
}

/* Watches a duplicate of the socket. */
static int
bus_link_watch(struct bus_link *link, bool turns)
{
	struct loop_fd_config config = {
		.events = LOOP_WRITE,
		.priority = turns ? LOOP_PRIORITY_CONTROL : LOOP_PRIORITY_NORMAL,
		.name = "bus",
		.cb = bus_link_ready,
		.arg = link,
	};

	link->fd = fcntl(mosquitto_socket(link->mosq), F_DUPFD_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	fcntl(mosquitto_socket(link->mosq), F_SETFD, FD_CLOEXEC);
	config.fd = link->fd;
	return loop_fd_new(link->loop, &config, &link->watch);
}

/* From here on, what fails breaks the link, and `down` has the reason. */
static int
bus_link_connect(struct bus_link *link, const struct bus_link_config *config)
{
	char text[ADDR_TEXT];
	int rc;

	errno = 0;
	rc = mosquitto_connect_async(link->mosq, addr_text(&config->addr, text), config->port,
				     config->keepalive_s);
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(link->mosq) < 0) {
		bus_link_fail(link, rc, errno);
		return 0;
	}
	return bus_link_watch(link, config->turns);
}

int
bus_link_new(struct loop *loop, const struct bus_link_config *config,
	     const struct bus_link_ops *ops, void *user, struct bus_link **out)
{
	struct bus_link *link = calloc(1, sizeof(*link));
	int rc;

	if (!link)
		return -ENOMEM;
	link->loop = loop;
	link->ops = ops;
	link->user = user;
	link->tls = config->tls;
	link->fd = -1;
	link->packet_max = config->packet_max;
	/* The broker waits for one and a half times the keepalive. */
	link->tick_ns = (config->keepalive_s + 3ULL) / 4 * NSEC_PER_SEC;
	rc = loop_timer_new(loop, "bus", bus_link_time, link, &link->timer);
	if (rc == 0 && config->turns)
		rc = loop_timer_take_turns(link->timer);
	if (rc == 0)
		rc = bus_link_set_up(link, config);
	if (rc == 0)
		rc = bus_link_connect(link, config);
	if (rc < 0) {
		bus_link_free(link);
		return rc;
	}
	if (link->phase != BUS_LINK_BROKEN)
		loop_timer_set(link->timer, config->connect_ns);
	*out = link;
	return 0;
}

void
bus_link_free(struct bus_link *link)
{
	if (!link)
		return;
	loop_fd_free(link->watch);
	loop_timer_free(link->timer);
	if (link->mosq)
		mosquitto_destroy(link->mosq);
	if (link->fd >= 0)
		close(link->fd);
	free(link);
}

void
bus_link_publish(struct bus_link *link, struct bus_item *item)
{
	int rc;

	if (link->phase != BUS_LINK_UP)
		return;
	errno = 0;
	rc = mosquitto_publish(link->mosq, &item->mid, item->topic, (int)item->size, item->payload,
			       item->qos, item->retain);
	bus_link_called(link, rc, errno);
}

int
bus_link_subscribe(struct bus_link *link, const char *filter, int qos)
{
	int mid, rc;

	if (link->phase != BUS_LINK_UP)
		return -1;
	errno = 0;
	rc = mosquitto_subscribe(link->mosq, &mid, filter, qos);
	bus_link_called(link, rc, errno);
	return rc == MOSQ_ERR_SUCCESS ? mid : -1;
}

/* Waits until the socket is ready, and returns whether it is. */
static bool
bus_link_wait(const struct bus_link *link, short events, uint64_t until_ns)
{
	struct pollfd pfd = {.fd = link->fd, .events = events};
	uint64_t now_ns = clock_mono_ns();

	return now_ns < until_ns &&
	       poll(&pfd, 1, (int)((until_ns - now_ns) / NSEC_PER_MSEC) + 1) > 0;
}

void
bus_link_leave(struct bus_link *link, unsigned int wait_ms)
{
	uint64_t until_ns = clock_mono_ns() + wait_ms * NSEC_PER_MSEC;
	char rest[4096];

	if (link->phase != BUS_LINK_UP)
		return;
	link->phase = BUS_LINK_BROKEN;
	bus_link_unwatch(link);
	loop_timer_clear(link->timer);
	/* The library closes its socket after this; ours holds the connection. */
	mosquitto_disconnect(link->mosq);
	while (mosquitto_socket(link->mosq) >= 0 && mosquitto_want_write(link->mosq) &&
	       bus_link_wait(link, POLLOUT, until_ns))
		mosquitto_loop_write(link->mosq, 1);
	shutdown(link->fd, SHUT_WR);
	/* Closing a socket with unread bytes resets it, and what was sent may be lost. */
	while (bus_link_wait(link, POLLIN, until_ns) && read(link->fd, rest, sizeof(rest)) > 0)
		;
}
