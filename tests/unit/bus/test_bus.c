/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against the real mosquitto(8) and against brokers that misbehave. What the broker has
 * received is seen by a second client.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker_fixture.h"
#include "bus/bus.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/names.h"

#define DAY (24 * 3600L)
#define GIVE_UP_S 30

static struct loop *loop;
static struct names *names;
static struct loop_timer *poll_timer;
static uint16_t port;
static struct bus_status status;

/* What the clients have seen. */
struct seen {
	unsigned int ups, downs, messages, rooms, granted;
	char topic[64];
	char payload[64];
	size_t size;
	bool retained;
};
static struct seen seen, other_seen;
static uint64_t slow_ns; /* how long a message takes */

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **out);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **out);

/* The names of these tests; nothing listens on 127.0.0.2. */
int
__wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		   struct addrinfo **out)
{
	int rc;

	if (strcmp(name, "nobody.example") == 0)
		return EAI_NONAME;
	if (strcmp(name, "two.example") != 0)
		return __real_getaddrinfo("127.0.0.1", service, hints, out);
	rc = __real_getaddrinfo("127.0.0.2", service, hints, out);
	return rc ? rc : __real_getaddrinfo("127.0.0.1", service, hints, &(*out)->ai_next);
}

/* Lines of the log about refused subscriptions, and the last one. */
static unsigned int refusals;
static char refusal[LOG_TEXT];

void __wrap_log_limited(struct log_limit *limit, uint64_t now_ns, unsigned int sub,
			enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

void
__wrap_log_limited(struct log_limit *limit, uint64_t now_ns, unsigned int sub,
		   enum log_level level, const char *fmt, ...)
{
	char line[LOG_TEXT];
	va_list ap;

	(void)limit;
	(void)now_ns;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_write(sub, level, "%s", line);
	if (!strstr(line, "refuses the subscription"))
		return;
	refusals++;
	memcpy(refusal, line, sizeof(line));
}

static void
on_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	struct seen *what = user;
	int length = (int)(size < sizeof(what->payload) ? size : sizeof(what->payload) - 1);

	what->messages++;
	snprintf(what->topic, sizeof(what->topic), "%s", topic);
	snprintf(what->payload, sizeof(what->payload), "%.*s", length, (const char *)payload);
	what->size = size;
	what->retained = retained;
	for (uint64_t end_ns = clock_mono_ns() + slow_ns; slow_ns && clock_mono_ns() < end_ns;)
		;
}

static void
on_changed(void *user, bool connected)
{
	struct seen *what = user;

	what->ups += connected;
	what->downs += !connected;
}

static void
on_room(void *user)
{
	struct seen *what = user;

	what->rooms++;
}

static void
on_granted(void *user, const char *filter)
{
	struct seen *what = user;

	(void)filter;
	what->granted++;
}

static const struct bus_ops ops = {.message = on_message, .changed = on_changed,
				   .granted = on_granted, .room = on_room};

/* ---- waiting ---- */

static bool (*wanted)(void *arg);
static void *wanted_arg;
static uint64_t wanted_until_ns;
static bool happened;

static void
poll_wanted(void *arg)
{
	(void)arg;
	happened = wanted(wanted_arg);
	if (happened || clock_mono_ns() > wanted_until_ns)
		loop_stop(loop);
	else
		loop_timer_set(poll_timer, 5 * NSEC_PER_MSEC);
}

/* Runs the loop until wanted() is true, seconds at most. Returns whether it is. */
static bool
wait_until(bool (*fn)(void *arg), void *arg, unsigned int seconds)
{
	wanted = fn;
	wanted_arg = arg;
	wanted_until_ns = clock_mono_ns() + seconds * NSEC_PER_SEC;
	loop_timer_set(poll_timer, 0);
	loop_run(loop);
	return happened;
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

static enum bus_state
state_of(struct bus *bus)
{
	bus_status(bus, &status);
	return status.state;
}

static bool
is_connected(void *arg)
{
	return state_of(arg) == BUS_CONNECTED;
}

static bool
is_waiting(void *arg)
{
	return state_of(arg) == BUS_WAITING;
}

static bool
is_published(void *arg)
{
	bus_status(arg, &status);
	return status.queued == 0;
}

/* Waits until the broker has so many messages and states. */
static uint64_t published;

static bool
has_published(void *arg)
{
	bus_status(arg, &status);
	return status.published >= published;
}

static void
set_state(struct bus *bus, const char *topic, const char *payload)
{
	bus_status(bus, &status);
	published = status.published + 1;
	assert_int_equal(bus_set(bus, topic, payload, strlen(payload)), 0);
	assert_true(wait_until(has_published, bus, GIVE_UP_S));
}

static bool
has_message(void *arg)
{
	const struct seen *what = arg;

	return what->messages > 0;
}

/* ---- clients ---- */

static struct bus_config
config_for(const char *scheme, const char *host)
{
	static char url[128];
	struct bus_config config = {BUS_CONFIG_DEFAULTS, .client_id = "test"};

	snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, port);
	config.broker = url;
	return config;
}

static struct bus *
start(const struct bus_config *config, struct seen *what)
{
	struct bus *bus = NULL;

	memset(what, 0, sizeof(*what));
	assert_int_equal(bus_new(loop, names, config, &ops, what, &bus), 0);
	return bus;
}

/* A connected client of a broker without TLS. */
static struct bus *
connected(const char *client_id, const char *will, struct seen *what)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	config.client_id = client_id;
	config.will = will;
	bus = start(&config, what);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	return bus;
}

/* Expects that the attempt fails for this reason. */
static void
fails(const struct bus_config *config, const char *reason)
{
	struct bus *bus = start(config, &seen);

	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	if (!strstr(status.reason, reason))
		print_error("reason: %s\nwanted: %s\n", status.reason, reason);
	assert_non_null(strstr(status.reason, reason));
	assert_int_equal(status.connects, 0);
	bus_free(bus, true);
}

static void
succeeds(const struct bus_config *config)
{
	struct bus *bus = start(config, &seen);

	if (!wait_until(is_connected, bus, GIVE_UP_S))
		print_error("reason: %s\n", status.reason);
	assert_int_equal(status.state, BUS_CONNECTED);
	assert_string_equal(status.reason, "");
	bus_free(bus, true);
}

static const char *
kept(const char *name)
{
	static char files[16][128];
	static int at;

	at = (at + 1) % 16;
	snprintf(files[at], sizeof(files[at]), "%s", broker_file(name));
	return files[at];
}

static unsigned int
open_files(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
setup(void **state)
{
	(void)state;
	port = broker_port();
	return loop_new(&loop) < 0 || names_new(loop, &names) < 0 ||
	       loop_timer_new(loop, "poll", poll_wanted, NULL, &poll_timer) < 0;
}

static int
teardown(void **state)
{
	(void)state;
	broker_kill();
	broker_fake_end();
	loop_timer_free(poll_timer);
	names_free(names);
	loop_free(loop);
	return 0;
}

/* Cases that need the broker are skipped without it. */
static void
need_broker(void)
{
	if (broker_program())
		return;
	print_message("mosquitto is missing: contrib/setup installs it\n");
	skip();
}

/* ---- good brokers ---- */

static void
test_publish_and_receive(void **state)
{
	struct bus *bus, *other;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	bus = connected("a", NULL, &seen);
	other = connected("b", NULL, &other_seen);
	assert_int_equal(bus_subscribe(other, "t/+", 1), 0);
	wait_until(never, NULL, 1);
	for (int qos = 0; qos < 2; qos++) {
		other_seen.messages = 0;
		assert_int_equal(bus_publish(bus, "t/1", "hello", 5, qos), 0);
		assert_true(wait_until(has_message, &other_seen, GIVE_UP_S));
		assert_string_equal(other_seen.topic, "t/1");
		assert_string_equal(other_seen.payload, "hello");
		assert_false(other_seen.retained);
		assert_true(wait_until(is_published, bus, GIVE_UP_S));
		assert_int_equal(status.published, qos + 1);
	}
	assert_string_equal(status.address, "127.0.0.1");
	assert_int_equal(status.connects, 1);
	assert_int_equal(status.dropped, 0);
	bus_free(bus, true);
	bus_free(other, true);
}

static bool
burst_arrived(void *arg)
{
	(void)arg;
	return other_seen.messages == 5000;
}

/* Many more than the window, in both directions. */
static void
burst(const struct bus_config *config)
{
	struct bus_config mine = *config, others = *config;
	struct bus *bus, *other;
	char payload[1500];

	memset(payload, 'x', sizeof(payload));
	mine.client_id = "a";
	mine.queue_messages = 10000;
	mine.queue_bytes = 32 << 20;
	bus = start(&mine, &seen);
	others.client_id = "b";
	other = start(&others, &other_seen);
	assert_int_equal(bus_subscribe(other, "t", 1), 0);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	assert_true(wait_until(is_connected, other, GIVE_UP_S));
	wait_until(never, NULL, 1);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(bus_publish(bus, "t", payload, sizeof(payload), i % 2), 0);
	assert_true(wait_until(burst_arrived, NULL, 60));
	assert_true(wait_until(is_published, bus, GIVE_UP_S));
	assert_int_equal(status.published, 5000);
	assert_int_equal(other_seen.size, sizeof(payload));
	bus_free(bus, false);
	bus_free(other, false);
}

static void
test_burst(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true\nmax_queued_messages 0");
	burst(&config);
}

static unsigned int asked;

static void
on_ask(void *arg, int events)
{
	(void)arg;
	(void)events;
	asked += other_seen.messages > 0 && other_seen.messages < 200;
}

static bool
turns_are_over(void *arg)
{
	(void)arg;
	return other_seen.messages == 200;
}

/* Somebody asks all the time, while more comes than can be handled: both go on. */
static void
test_turns(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct loop_fd_config ask = {.events = LOOP_READ, .priority = LOOP_PRIORITY_CONTROL,
				     .name = "ask", .cb = on_ask};
	struct bus *bus, *other;
	struct loop_fd *watch;
	int fds[2];

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true\nmax_queued_messages 0");
	config.client_id = "a";
	bus = start(&config, &seen);
	config.client_id = "b";
	config.turns = true;
	other = start(&config, &other_seen);
	assert_int_equal(bus_subscribe(other, "t", 0), 0);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	assert_true(wait_until(is_connected, other, GIVE_UP_S));
	wait_until(never, NULL, 1);
	for (int i = 0; i < 200; i++)
		assert_int_equal(bus_publish(bus, "t", "x", 1, 0), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	ask.fd = fds[0];
	asked = 0;
	slow_ns = 3 * NSEC_PER_MSEC; /* longer than the bus reads on */
	assert_int_equal(loop_fd_new(loop, &ask, &watch), 0);
	assert_true(wait_until(turns_are_over, NULL, 60));
	slow_ns = 0;
	assert_true(asked > 100);
	loop_fd_free(watch);
	close(fds[0]);
	close(fds[1]);
	bus_free(bus, false);
	bus_free(other, false);
}

/* A client that subscribes now finds this under the topic; NULL: nothing. */
static void
retained_is(const char *topic, const char *payload)
{
	struct bus *bus = connected("look", NULL, &other_seen);

	assert_int_equal(bus_subscribe(bus, topic, 1), 0);
	if (payload) {
		assert_true(wait_until(has_message, &other_seen, GIVE_UP_S));
		assert_string_equal(other_seen.payload, payload);
		assert_true(other_seen.retained);
	} else {
		wait_until(has_message, &other_seen, 1);
		assert_int_equal(other_seen.messages, 0);
	}
	bus_free(bus, true);
}

/* The state is there again after the broker has forgotten it. */
static void
test_broker_restarts(void **state)
{
	struct bus *bus;
	unsigned int files;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	bus = connected("a", "will", &seen);
	files = open_files();
	assert_int_equal(bus_subscribe(bus, "t", 1), 0);
	set_state(bus, "s", "old");
	set_state(bus, "s", "new");
	retained_is("s", "new");
	broker_kill();
	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	assert_int_equal(seen.downs, 1);
	assert_non_null(strstr(status.reason, "closed the connection"));
	/* Meanwhile messages wait. */
	assert_int_equal(bus_publish(bus, "u", "waited", 6, 1), 0);
	broker_start(port, "allow_anonymous true");
	published = 2 + 2; /* the message, and the state once more */
	assert_true(wait_until(has_published, bus, GIVE_UP_S));
	assert_int_equal(seen.ups, 2);
	retained_is("s", "new");
	/* So is the subscription. */
	seen.messages = 0;
	assert_int_equal(bus_publish(bus, "t", "x", 1, 1), 0);
	assert_true(wait_until(has_message, &seen, GIVE_UP_S));
	bus_status(bus, &status);
	assert_int_equal(status.lost, 1);
	assert_int_equal(status.connects, 2);
	assert_int_equal(open_files(), files);
	bus_free(bus, true);
}

/* The will clears the topic if the client goes without a word. */
static void
test_will_and_goodbye(void **state)
{
	struct bus *bus;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	bus = connected("a", "will", &seen);
	set_state(bus, "will", "here");
	set_state(bus, "kept", "here");
	retained_is("will", "here");
	bus_free(bus, false);
	retained_is("will", NULL);
	retained_is("kept", "here");
	bus = connected("a", NULL, &seen);
	set_state(bus, "kept", "again");
	retained_is("kept", "again");
	bus_free(bus, true);
	retained_is("kept", NULL);
}

/* What the broker has not yet confirmed is taken back, too. */
static void
test_goodbye_at_once(void **state)
{
	struct bus *bus;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	for (int i = 0; i < 10; i++) {
		bus = connected("a", "will", &seen);
		assert_int_equal(bus_set(bus, "will", "here", 4), 0);
		bus_free(bus, true);
		retained_is("will", NULL);
	}
}

/* A retained message is published once, and not again on the next connection. */
static void
test_retain(void **state)
{
	struct bus *bus;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	bus = connected("a", NULL, &seen);
	published = 1;
	assert_int_equal(bus_retain(bus, "r", "here", 4), 0);
	assert_true(wait_until(has_published, bus, GIVE_UP_S));
	assert_in_range(seen.rooms, 1, 2);
	retained_is("r", "here");
	broker_kill();
	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	assert_int_equal(bus_retain(bus, "r", "lost", 4), -ENOTCONN);
	broker_start(port, "allow_anonymous true");
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	retained_is("r", NULL);
	bus_free(bus, true);
}

static void
test_names(void **state)
{
	struct bus_config config;

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	config = config_for("mqtt", "broker.example");
	succeeds(&config);
	config = config_for("mqtt", "two.example"); /* its first address refuses */
	succeeds(&config);
	config = config_for("mqtt", "nobody.example");
	fails(&config, "nobody.example was not found");
}

static void
test_password_and_acl(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	char conf[512];
	struct bus *bus;

	(void)state;
	need_broker();
	/* mosquitto reads a file of plain passwords as hashes only: made by mosquitto_passwd(1). */
	broker_write("passwd", "");
	snprintf(conf, sizeof(conf), "mosquitto_passwd -b -c %s agent secret", kept("passwd"));
	if (system(conf) != 0)
		skip();
	broker_write("acl", "user agent\ntopic readwrite mine/#\n");
	snprintf(conf, sizeof(conf), "allow_anonymous false\npassword_file %s\nacl_file %s",
		 kept("passwd"), kept("acl"));
	broker_start(port, conf);
	fails(&config, "not authorise this client (`user`");
	broker_write("wrong", "wrong\n");
	broker_write("right", "secret\n");
	config.user = "agent";
	config.password_file = kept("wrong");
	fails(&config, "not authorise this client (`user`");
	config.password_file = kept("missing");
	fails(&config, "missing: No such file or directory");
	config.password_file = kept("right");
	assert_int_equal(chmod(config.password_file, 0644), 0);
	fails(&config, "other users may read it");
	assert_int_equal(chmod(config.password_file, 0600), 0);
	succeeds(&config);
	bus = start(&config, &seen);
	assert_int_equal(bus_subscribe(bus, "mine/a", 1), 0);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	assert_int_equal(bus_publish(bus, "mine/a", "x", 1, 1), 0);
	assert_true(wait_until(has_message, &seen, GIVE_UP_S));
	bus_free(bus, true);
}

/* ---- TLS ---- */

static void
start_tls(const char *certificate, const char *more)
{
	char conf[1024], file[32];
	int n = snprintf(conf, sizeof(conf), "allow_anonymous true\n%s\ncafile %s\n", more,
			 kept("ca.crt"));

	snprintf(file, sizeof(file), "%s.crt", certificate);
	n += snprintf(conf + n, sizeof(conf) - (size_t)n, "certfile %s\n", kept(file));
	snprintf(file, sizeof(file), "%s.key", certificate);
	snprintf(conf + n, sizeof(conf) - (size_t)n, "keyfile %s\n", kept(file));
	broker_start(port, conf);
}

static void
test_tls_names(void **state)
{
	struct bus_config config;

	(void)state;
	need_broker();
	start_tls("server", "");
	config = config_for("mqtts", "broker.example");
	config.ca = kept("ca.crt");
	succeeds(&config);
	config = config_for("mqtts", "127.0.0.1");
	config.ca = kept("ca.crt");
	succeeds(&config);
	config = config_for("mqtts", "two.example"); /* the address is right */
	config.ca = kept("ca.crt");
	fails(&config, "not valid for two.example: ");
	config = config_for("mqtts", "broker.example");
	config.ca = kept("otherca.crt");
	fails(&config, "`ca` must be the CA");
	config.ca = NULL;
	fails(&config, "`ca` must be the CA");
	config.ca = kept("missing");
	fails(&config, "cannot read CA certificates from");
	config = config_for("mqtt", "broker.example");
	config.connect_ms = 2000;
	fails(&config, "is its port one with TLS (mqtts://)?");
}

static void
test_tls_wrong_address(void **state)
{
	struct bus_config config = config_for("mqtts", "127.0.0.1");

	(void)state;
	need_broker();
	start_tls("nameonly", "");
	config.ca = kept("ca.crt");
	fails(&config, "not valid for 127.0.0.1: IP address mismatch");
}

static void
test_tls_expired(void **state)
{
	struct bus_config config = config_for("mqtts", "broker.example");

	(void)state;
	need_broker();
	start_tls("expired", "");
	config.ca = kept("ca.crt");
	fails(&config, "certificate has expired; renew it, or set this host's clock");
	broker_kill();
	start_tls("early", "");
	fails(&config, "not yet valid; set this host's clock");
}

static void
test_tls_client_certificate(void **state)
{
	struct bus_config config = config_for("mqtts", "broker.example");

	(void)state;
	need_broker();
	start_tls("server", "require_certificate true");
	config.ca = kept("ca.crt");
	/* "asks for", or "may ask for" if the connection was reset before the alert was read. */
	fails(&config, " for a client certificate (`certificate`)");
	config.certificate = kept("client.crt");
	config.key = kept("other.key");
	fails(&config, "is no key of the client certificate");
	config.key = kept("client.key");
	succeeds(&config);
	assert_int_equal(chmod(config.key, 0640 | S_IROTH), 0);
	fails(&config, "other users may read it");
	assert_int_equal(chmod(config.key, 0600), 0);
	config.certificate = kept("stranger.crt");
	config.key = kept("stranger.key");
	/* "does", or "may" if the broker's alert was lost because the connection was reset. */
	fails(&config, "not accept the client certificate");
}

static bool
has_two_connections(void *arg)
{
	bus_status(arg, &status);
	return status.connects == 2;
}

/* A new certificate is taken on reload, and an old connection ends for it. */
static void
test_tls_reload(void **state)
{
	struct bus_config config = config_for("mqtts", "broker.example");
	struct bus *bus;

	(void)state;
	need_broker();
	start_tls("server", "require_certificate true");
	broker_certificate("mine", "otherca", NULL, -DAY, DAY);
	config.ca = kept("ca.crt");
	config.certificate = kept("mine.crt");
	config.key = kept("mine.key");
	bus = start(&config, &seen);
	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	broker_certificate("mine", "ca", NULL, -DAY, DAY);
	bus_reload(bus);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	bus_reload(bus); /* nothing has changed */
	wait_until(never, NULL, 1);
	assert_true(is_connected(bus));
	broker_certificate("mine", "ca", NULL, -DAY, DAY);
	bus_reload(bus);
	assert_true(wait_until(has_two_connections, bus, GIVE_UP_S));
	assert_int_equal(seen.downs, 1);
	bus_free(bus, true);
}

static struct bus *reloaded;

static void
reload_on_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	on_message(user, topic, payload, size, retained);
	bus_reload(reloaded);
}

/* A callback may ask for a reload, which ends the connection later. */
static void
test_reload_in_callback(void **state)
{
	static const struct bus_ops reloading = {.message = reload_on_message,
						 .changed = on_changed};
	struct bus_config config = config_for("mqtt", "127.0.0.1");

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	broker_write("later", "one\n");
	config.user = "me";
	config.password_file = kept("later");
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(bus_new(loop, names, &config, &reloading, &seen, &reloaded), 0);
	assert_int_equal(bus_subscribe(reloaded, "t", 1), 0);
	assert_true(wait_until(is_connected, reloaded, GIVE_UP_S));
	broker_write("later", "another\n");
	for (int i = 0; i < 5; i++)
		assert_int_equal(bus_publish(reloaded, "t", "x", 1, 1), 0);
	assert_true(wait_until(has_two_connections, reloaded, GIVE_UP_S));
	assert_int_equal(seen.downs, 1);
	bus_free(reloaded, true);
}

static void
test_tls_burst(void **state)
{
	struct bus_config config = config_for("mqtts", "broker.example");

	(void)state;
	need_broker();
	start_tls("server", "max_queued_messages 0");
	config.ca = kept("ca.crt");
	burst(&config);
}

/* ---- bad brokers ---- */

static void
test_refused(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	unsigned int files = open_files();

	(void)state;
	fails(&config, "refused: no broker listens on this port");
	config = config_for("mqtts", "127.0.0.1");
	config.ca = kept("ca.crt");
	fails(&config, "refused: no broker listens on this port");
	assert_in_range(open_files(), 0, files);
}

/* The kernel's time for a connection is minutes; ours is shorter. */
static void
test_no_answer(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");

	(void)state;
	config.connect_ms = 500;
	broker_fake(loop, BROKER_FULL, port);
	fails(&config, "the host of the broker does not answer");
	broker_fake_end();
	broker_fake(loop, BROKER_SILENT, port);
	fails(&config, "the broker accepts the connection, but does not answer");
	config = config_for("mqtts", "127.0.0.1");
	config.ca = kept("ca.crt");
	config.connect_ms = 500;
	fails(&config, "the broker accepts the connection, but does not answer");
}

/* An attempt that fails wakes the loop a few times, not all the time. */
static void
fails_quietly(const struct bus_config *config, const char *reason)
{
	struct loop_stats before, after;

	loop_stats(loop, &before);
	fails(config, reason);
	loop_stats(loop, &after);
	assert_in_range(after.callbacks - before.callbacks, 1, 2000);
}

static void
test_garbage_and_reset(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1"), tls;

	(void)state;
	broker_fake(loop, BROKER_GARBAGE, port);
	fails_quietly(&config, "");
	tls = config_for("mqtts", "127.0.0.1");
	tls.ca = kept("ca.crt");
	fails_quietly(&tls, "the broker's port is one without TLS");
	broker_fake_end();
	broker_fake(loop, BROKER_RESET, port);
	fails_quietly(&tls, "127.0.0.1 port");
	config = config_for("mqtt", "127.0.0.1");
	fails_quietly(&config, "127.0.0.1 port");
}

static void
test_deaf(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	char payload[10000];
	struct bus *bus;

	(void)state;
	memset(payload, 'x', sizeof(payload));
	broker_fake(loop, BROKER_DEAF, port);
	config.queue_messages = 100;
	config.queue_bytes = 1 << 20;
	config.keepalive_s = 5;
	bus = start(&config, &seen);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	for (int i = 0; i < 2000; i++)
		bus_publish(bus, "t", payload, sizeof(payload), i % 2);
	wait_until(never, NULL, 1);
	bus_status(bus, &status);
	assert_in_range(status.queued, 20, 100);
	assert_in_range(status.queued_bytes, 0, 1 << 20);
	/* At most what fits into the kernel's buffers was written. */
	assert_int_equal(status.published + status.dropped + status.queued, 2000);
	assert_in_range(status.dropped, 1000, 2000);
	/* It answers no ping either. */
	assert_true(wait_until(is_waiting, bus, 60));
	assert_non_null(strstr(status.reason, "does not answer any more"));
	bus_free(bus, false);
}

static void
test_drops_again_and_again(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	(void)state;
	broker_fake(loop, BROKER_DROP, port);
	bus = start(&config, &seen);
	wait_until(never, NULL, 5);
	/* Each attempt waits for longer: 6 or so, instead of thousands. */
	assert_in_range(broker_fake_accepted(), 2, 40);
	assert_int_equal(seen.ups, seen.downs);
	bus_status(bus, &status);
	assert_non_null(strstr(status.reason, "is there another client of the same name?"));
	bus_free(bus, false);
}

static void
test_huge(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	(void)state;
	broker_fake(loop, BROKER_HUGE, port);
	bus = start(&config, &seen);
	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	assert_non_null(strstr(status.reason, "a packet of more than 4096 KB"));
	assert_in_range(broker_fake_sent(), 4 << 20, 32 << 20);
	bus_free(bus, false);
}

/* Each answer to a ping is a whole packet: they never add up to one that is too long. */
static void
test_pings(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	(void)state;
	config.payload_max = 1000;
	broker_fake(loop, BROKER_PINGS, port);
	bus = start(&config, &seen);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	wait_until(never, NULL, 2);
	bus_status(bus, &status);
	assert_string_equal(status.reason, "");
	assert_int_equal(status.lost, 0);
	assert_int_equal(broker_fake_sent(), 40000);
	bus_free(bus, false);
}

static bool
has_refused(void *arg)
{
	bus_status(arg, &status);
	return status.refused == 1;
}

/* A megabyte on a topic is ignored, and the connection goes on. */
static void
test_too_long(void **state)
{
	size_t size = 1 << 20;
	struct bus *bus, *other;
	char *payload = calloc(1, size);

	(void)state;
	need_broker();
	broker_start(port, "allow_anonymous true");
	bus = connected("a", NULL, &seen);
	other = connected("b", NULL, &other_seen);
	assert_int_equal(bus_subscribe(bus, "t", 1), 0);
	wait_until(never, NULL, 1);
	assert_int_equal(bus_publish(other, "t", payload, size, 1), 0);
	assert_true(wait_until(has_refused, bus, GIVE_UP_S));
	assert_int_equal(seen.messages, 0);
	assert_int_equal(bus_publish(other, "t", "x", 1, 1), 0);
	assert_true(wait_until(has_message, &seen, GIVE_UP_S));
	bus_status(bus, &status);
	assert_int_equal(status.lost, 0);
	bus_free(bus, true);
	bus_free(other, true);
	free(payload);
}

static void
test_subscription_refused(void **state)
{
	struct bus *bus;

	(void)state;
	need_broker();
	broker_write("acl", "topic read open\n");
	broker_start(port, "allow_anonymous true");
	bus = connected("a", NULL, &seen);
	/* MQTT has no such filter, and mosquitto closes the connection. */
	assert_int_equal(bus_subscribe(bus, "a/#/b", 1), 0);
	assert_true(wait_until(is_waiting, bus, GIVE_UP_S));
	assert_true(strlen(status.reason) > 0);
	bus_free(bus, true);
}

static bool
has_reason(void *arg)
{
	bus_status(arg, &status);
	return status.reason[0] != '\0';
}

static bool
has_no_reason(void *arg)
{
	return !has_reason(arg);
}

/* A broker that is not ready refuses a subscription for a while. */
static void
test_subscription_later(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	(void)state;
	broker_fake(loop, BROKER_REFUSES, port);
	bus = start(&config, &seen);
	assert_true(wait_until(is_connected, bus, GIVE_UP_S));
	assert_int_equal(bus_subscribe(bus, "not/ready", 1), 0);
	assert_true(wait_until(has_reason, bus, GIVE_UP_S));
	assert_non_null(strstr(status.reason, "refuses the subscription to not/ready"));
	assert_int_equal(seen.granted, 0);
	assert_true(wait_until(has_no_reason, bus, GIVE_UP_S));
	assert_int_equal(status.connects, 1);
	assert_int_equal(seen.granted, 1);
	assert_int_equal(broker_fake_sent(), 10); /* two answers */
	bus_free(bus, true);
}

static bool
is_refused_twice(void *arg)
{
	(void)arg;
	return refusals == 2;
}

/* The status names the first refused subscription, the log each one. */
static void
test_subscriptions_refused(void **state)
{
	struct bus_config config = config_for("mqtt", "127.0.0.1");
	struct bus *bus;

	(void)state;
	broker_fake(loop, BROKER_REFUSES_ALL, port);
	refusals = 0;
	bus = start(&config, &seen);
	assert_int_equal(bus_subscribe(bus, "first", 1), 0);
	assert_int_equal(bus_subscribe(bus, "second", 1), 0);
	assert_true(wait_until(is_refused_twice, bus, GIVE_UP_S));
	assert_non_null(strstr(refusal, "refuses the subscription to second"));
	bus_status(bus, &status);
	assert_non_null(strstr(status.reason, "refuses the subscription to first"));
	bus_free(bus, true);
}

static void
test_config_refused(void **state)
{
	struct bus_config config = {BUS_CONFIG_DEFAULTS, .broker = "http://x", .client_id = "a"};
	struct bus *bus = NULL;

	(void)state;
	assert_int_equal(bus_new(loop, names, &config, &ops, NULL, &bus), -EINVAL);
	assert_null(bus);
	bus_free(NULL, true);
	assert_string_equal(bus_state_name(BUS_WAITING), "waiting");
	assert_null(bus_state_name(BUS_STATE_N));
}

#define bus_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bus_test(test_publish_and_receive),
		bus_test(test_burst),
		bus_test(test_turns),
		bus_test(test_broker_restarts),
		bus_test(test_will_and_goodbye),
		bus_test(test_goodbye_at_once),
		bus_test(test_retain),
		bus_test(test_names),
		bus_test(test_password_and_acl),
		bus_test(test_tls_names),
		bus_test(test_tls_wrong_address),
		bus_test(test_tls_expired),
		bus_test(test_tls_client_certificate),
		bus_test(test_tls_reload),
		bus_test(test_reload_in_callback),
		bus_test(test_tls_burst),
		bus_test(test_refused),
		bus_test(test_no_answer),
		bus_test(test_garbage_and_reset),
		bus_test(test_deaf),
		bus_test(test_drops_again_and_again),
		bus_test(test_huge),
		bus_test(test_pings),
		bus_test(test_too_long),
		bus_test(test_subscription_refused),
		bus_test(test_subscription_later),
		bus_test(test_subscriptions_refused),
		bus_test(test_config_refused),
	};
	int rc;

	broker_directory();
	broker_certificate("ca", NULL, NULL, -DAY, DAY);
	broker_certificate("otherca", NULL, NULL, -DAY, DAY);
	broker_certificate("server", "ca", "DNS:broker.example,IP:127.0.0.1", -DAY, DAY);
	broker_certificate("nameonly", "ca", "DNS:broker.example", -DAY, DAY);
	broker_certificate("expired", "ca", "DNS:broker.example", -2 * DAY, -DAY);
	broker_certificate("early", "ca", "DNS:broker.example", DAY, 2 * DAY);
	broker_certificate("client", "ca", NULL, -DAY, DAY);
	broker_certificate("other", "ca", NULL, -DAY, DAY);
	broker_certificate("stranger", "otherca", NULL, -DAY, DAY);
	rc = cmocka_run_group_tests_name("bus", tests, NULL, NULL);
	broker_directory_end();
	return rc;
}
