/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brokers for tests: mosquitto(8) on a port of 127.0.0.1, with certificates that are made here, and
 * fakes that do what a good broker never does.
 */
#ifndef RPINGMESH_TESTS_BROKER_FIXTURE_H
#define RPINGMESH_TESTS_BROKER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* The program, or NULL if it is not installed. */
const char *broker_program(void);

/* A temporary directory for the files of the tests, and the path of a file in it. */
void broker_directory(void);
void broker_directory_end(void);
const char *broker_file(const char *name);
/* Writes a file with mode 600. */
void broker_write(const char *name, const char *text);

/*
 * Makes NAME.crt and NAME.key, valid from `from` to `to` seconds from now. `issuer` is the name of
 * a CA made before; NULL makes a CA. `san` is a subject alternative name of openssl-x509v3_config.
 */
void broker_certificate(const char *name, const char *issuer, const char *san, long from, long to);

/* Starts mosquitto with more lines of mosquitto.conf(5), and waits until it accepts connections. */
void broker_start(uint16_t port, const char *more);
/* SIGKILL. */
void broker_kill(void);

/* A port that nobody uses. */
uint16_t broker_port(void);

enum broker_fake {
	BROKER_SILENT,  /* accepts and says nothing */
	BROKER_GARBAGE, /* answers with what is no MQTT */
	BROKER_RESET,   /* accepts and resets the connection */
	BROKER_HUGE,    /* sends a packet of 200 MB */
	BROKER_DEAF,    /* accepts a client and then reads nothing */
	BROKER_PINGS,   /* answers to 20,000 pings that nobody has sent */
	BROKER_REFUSES, /* refuses the first subscription */
	BROKER_REFUSES_ALL, /* subscriptions */
	BROKER_DROP,    /* accepts a client and closes the connection */
	BROKER_FULL,    /* its queue of connections is full, so it does not answer */
};
void broker_fake(struct loop *loop, enum broker_fake kind, uint16_t port);
void broker_fake_end(void);
/* How many connections the fake has accepted, and bytes sent. */
unsigned int broker_fake_accepted(void);
uint64_t broker_fake_sent(void);

#endif
