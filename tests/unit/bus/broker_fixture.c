/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/loop.h"

#define must(what) ((what) ? (void)0 : broker_failed(#what, __LINE__))

static char directory[64], path[128];
static pid_t pid;

static void
broker_failed(const char *what, int line)
{
	fprintf(stderr, "broker_fixture.c:%d: %s\n", line, what);
	abort();
}

const char *
broker_program(void)
{
	static const char *const programs[] = {"/usr/sbin/mosquitto", "/usr/bin/mosquitto",
					       "/usr/local/sbin/mosquitto"};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	return NULL;
}

void
broker_directory(void)
{
	strcpy(directory, "/tmp/rpingmesh-bus.XXXXXX");
	must(mkdtemp(directory));
}

void
broker_directory_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	must(system(command) == 0);
}

const char *
broker_file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

void
broker_write(const char *name, const char *text)
{
	int fd = open(broker_file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* ---- certificates ---- */

static FILE *
certificate_file(const char *name, const char *end, const char *mode)
{
	char file[64];
	FILE *f;

	snprintf(file, sizeof(file), "%s.%s", name, end);
	umask(077);
	f = fopen(broker_file(file), mode);
	must(f);
	return f;
}

static void
certificate_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
certificate_name(X509 *cert, const char *name)
{
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
}

void
broker_certificate(const char *name, const char *issuer, const char *san, long from, long to)
{
	static long serial;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key = key;
	X509 *cert = X509_new(), *ca = cert;
	FILE *f;

	must(key && cert);
	if (issuer) {
		f = certificate_file(issuer, "key", "r");
		ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		f = certificate_file(issuer, "crt", "r");
		ca = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	must(ca && ca_key);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	certificate_name(cert, name);
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	X509_set_pubkey(cert, key);
	certificate_extend(cert, ca, NID_basic_constraints, issuer ? "CA:FALSE" : "CA:TRUE");
	certificate_extend(cert, ca, NID_subject_key_identifier, "hash");
	if (san)
		certificate_extend(cert, ca, NID_subject_alt_name, san);
	must(X509_sign(cert, ca_key, EVP_sha256()));
	f = certificate_file(name, "crt", "w");
	must(PEM_write_X509(f, cert) && fclose(f) == 0);
	f = certificate_file(name, "key", "w");
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && fclose(f) == 0);
	if (issuer) {
		X509_free(ca);
		EVP_PKEY_free(ca_key);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* ---- mosquitto ---- */

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int
listen_on(uint16_t port, int backlog)
{
	struct sockaddr_in sin = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 && listen(fd, backlog) == 0);
	return fd;
}

static int
connect_to(uint16_t port, int flags)
{
	struct sockaddr_in sin = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 || flags)
		return fd;
	close(fd);
	return -1;
}

uint16_t
broker_port(void)
{
	int fd = listen_on(0, 1);
	struct sockaddr_in sin;
	socklen_t size = sizeof(sin);

	must(getsockname(fd, (struct sockaddr *)&sin, &size) == 0);
	close(fd);
	return ntohs(sin.sin_port);
}

void
broker_start(uint16_t port, const char *more)
{
	char conf[4096];
	int fd = -1;

	/* The user is that of the tests, who may read their files. */
	snprintf(conf, sizeof(conf), "user root\nlog_dest file %s\nlistener %u 127.0.0.1\n%s\n",
		 broker_file("log"), port, more);
	broker_write("conf", conf);
	broker_file("conf");
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(freopen("/dev/null", "w", stderr) && freopen("/dev/null", "w", stdout));
		execl(broker_program(), "mosquitto", "-c", path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000 && fd < 0 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		usleep(10000);
		fd = connect_to(port, 0);
	}
	must(fd >= 0);
	close(fd);
}

void
broker_kill(void)
{
	if (!pid)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = 0;
}

/* ---- fakes ---- */

#define FAKE_CLIENTS 64

static struct {
	struct loop *loop;
	enum broker_fake kind;
	int fd;
	struct loop_fd *watch;
	int client[FAKE_CLIENTS];
	struct loop_fd *client_watch[FAKE_CLIENTS];
	unsigned int n;
	uint64_t sent;
} fake;

/* CONNACK, accepted (MQTT 3.1.1, section 3.2). */
static const char connack[] = {0x20, 2, 0, 0};

static void
fake_send_on(void *arg, int events)
{
	static char zeros[65536];
	int *client = arg;
	ssize_t n = send(*client, zeros, sizeof(zeros), MSG_NOSIGNAL);

	(void)events;
	if (n > 0)
		fake.sent += (uint64_t)n;
	else
		loop_fd_set(fake.client_watch[client - fake.client], 0);
}

/* A PUBLISH packet of 200 MB on the topic "t" (section 3.3). */
static void
fake_huge(int *client)
{
	static const unsigned char begin[] = {0x30, 0x80, 0x88, 0xaf, 0x5f, 0, 1, 't'};
	const struct loop_fd_config config = {.fd = *client,
					      .events = LOOP_WRITE,
					      .priority = LOOP_PRIORITY_NORMAL,
					      .name = "fake",
					      .cb = fake_send_on,
					      .arg = client};

	must(write(*client, connack, 4) == 4 && write(*client, begin, 8) == 8);
	must(loop_fd_new(fake.loop, &config, &fake.client_watch[client - fake.client]) == 0);
}

/* PINGRESP (section 3.13). */
static void
fake_pings(int fd)
{
	unsigned char pings[2 * 20000];

	for (size_t i = 0; i < sizeof(pings); i++)
		pings[i] = i % 2 ? 0 : 0xd0;
	must(write(fd, connack, 4) == 4 && write(fd, pings, sizeof(pings)) == sizeof(pings));
	fake.sent += sizeof(pings);
}

/* SUBACK (section 3.9): refuses the first subscription of all, and perhaps the others. */
static void
fake_answer(void *arg, int events)
{
	unsigned char in[512];
	const int *client = arg;
	ssize_t n = read(*client, in, sizeof(in));
	bool grants = fake.kind == BROKER_REFUSES;

	(void)events;
	if (n <= 0)
		loop_fd_set(fake.client_watch[client - fake.client], 0);
	for (ssize_t i = 0; i + 3 < n; i += in[i + 1] + 2) {
		const unsigned char suback[] = {0x90, 3, in[i + 2], in[i + 3],
						grants && fake.sent ? 1 : 0x80};

		if (in[i] != 0x82)
			continue;
		fake.sent += sizeof(suback);
		must(write(*client, suback, sizeof(suback)) == sizeof(suback));
	}
}

static void
fake_refuses(int *client)
{
	const struct loop_fd_config config = {.fd = *client,
					      .events = LOOP_READ,
					      .priority = LOOP_PRIORITY_NORMAL,
					      .name = "fake",
					      .cb = fake_answer,
					      .arg = client};

	must(write(*client, connack, 4) == 4);
	must(loop_fd_new(fake.loop, &config, &fake.client_watch[client - fake.client]) == 0);
}

static void
fake_accept(void *arg, int events)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int fd = accept4(fake.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)arg;
	(void)events;
	must(fd >= 0 && fake.n < FAKE_CLIENTS);
	fake.client[fake.n++] = fd;
	switch (fake.kind) {
	case BROKER_GARBAGE:
		must(write(fd, "SSH-2.0-OpenSSH_9.2\r\n", 21) == 21);
		break;
	case BROKER_RESET:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
		fake.client[fake.n - 1] = -1;
		break;
	case BROKER_HUGE:
		fake_huge(&fake.client[fake.n - 1]);
		break;
	case BROKER_REFUSES:
	case BROKER_REFUSES_ALL:
		fake_refuses(&fake.client[fake.n - 1]);
		break;
	case BROKER_DEAF:
		must(write(fd, connack, 4) == 4);
		break;
	case BROKER_PINGS:
		fake_pings(fd);
		break;
	case BROKER_DROP:
		must(write(fd, connack, 4) == 4);
		shutdown(fd, SHUT_WR);
		break;
	case BROKER_SILENT:
	case BROKER_FULL:
		break;
	}
}

void
broker_fake(struct loop *loop, enum broker_fake kind, uint16_t port)
{
	const struct loop_fd_config config = {.events = LOOP_READ,
					      .priority = LOOP_PRIORITY_NORMAL,
					      .name = "fake",
					      .cb = fake_accept};
	struct loop_fd_config with_fd = config;

	memset(&fake, 0, sizeof(fake));
	fake.loop = loop;
	fake.kind = kind;
	fake.fd = listen_on(port, kind == BROKER_FULL ? 0 : 16);
	with_fd.fd = fake.fd;
	if (kind == BROKER_FULL)
		while (fake.n < 4)
			fake.client[fake.n++] = connect_to(port, SOCK_NONBLOCK);
	else
		must(loop_fd_new(loop, &with_fd, &fake.watch) == 0);
}

void
broker_fake_end(void)
{
	loop_fd_free(fake.watch);
	for (unsigned int i = 0; i < fake.n; i++) {
		loop_fd_free(fake.client_watch[i]);
		if (fake.client[i] >= 0)
			close(fake.client[i]);
	}
	if (fake.loop)
		close(fake.fd);
	memset(&fake, 0, sizeof(fake));
}

unsigned int
broker_fake_accepted(void)
{
	return fake.n;
}

uint64_t
broker_fake_sent(void)
{
	return fake.sent;
}
