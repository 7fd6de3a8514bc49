/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS needs for one connection: a client's SSL_CTX that verifies the broker's certificate for
 * the configured name, although libmosquitto is given a numeric address. It verifies with OpenSSL's
 * own check of names and addresses (X509_check_host(3)), and sends the name in the handshake (SNI).
 */
#ifndef RPINGMESH_BUS_BUS_TLS_H
#define RPINGMESH_BUS_BUS_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct bus_tls;

#define BUS_TLS_ERROR 512

struct bus_tls_files {
	const char *ca;          /* PEM; NULL: the certificates that the host trusts */
	const char *certificate; /* PEM, with its chain; NULL: no client certificate */
	const char *key;         /* PEM, not encrypted; NULL: in the file of the certificate */
};

/*
 * Reads the files. `host` is the name or the numeric address for which the broker's certificate
 * must be valid. Returns 0 and sets *out, which the caller owns, or -errno and puts the reason into
 * error. Blocks while the files are read.
 */
int bus_tls_new(const struct bus_tls_files *files, const char *host, struct bus_tls **out,
		char error[BUS_TLS_ERROR]);
/* NULL is allowed. The connections that use the SSL_CTX must have ended. */
void bus_tls_free(struct bus_tls *tls);

/* The SSL_CTX, borrowed. */
void *bus_tls_context(const struct bus_tls *tls);

/* Whether there is a client certificate. */
bool bus_tls_has_certificate(const struct bus_tls *tls);

/* Why the broker's certificate was refused; "": it was not. */
const char *bus_tls_refused(const struct bus_tls *tls);

#endif
