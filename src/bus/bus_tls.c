/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/bus_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "core/secret.h"

#define BUS_TLS_KEY_MAX 32768

struct bus_tls {
	SSL_CTX *ctx;
	bool certificate; /* the client has one */
	bool numeric; /* host is an address, which SNI does not name (RFC 6066, section 3) */
	char *host;
	char refused[BUS_TLS_ERROR];
};

/* OpenSSL's last error; empties its queue. */
static const char *
bus_tls_error(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return text ? text : "unknown error";
}

/* What the operator can do about X509_verify_cert_error_string(3). */
static const char *
bus_tls_advice(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "; renew it, or set this host's clock";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "; set this host's clock";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "; name the broker as its certificate does";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "; `ca` must be the CA that has signed it";
	default:
		return "";
	}
}

static int
bus_tls_verified(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct bus_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int error = X509_STORE_CTX_get_error(store);

	if (!ok && !tls->refused[0])
		snprintf(tls->refused, sizeof(tls->refused),
			 "the certificate of the broker is not valid for %s: %s%s", tls->host,
			 X509_verify_cert_error_string(error), bus_tls_advice(error));
	return ok;
}

/* libmosquitto puts the address into the handshake; this puts the name there. */
static void
bus_tls_event(const SSL *ssl, int where, int value)
{
	const struct bus_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)value;
	if (where & SSL_CB_HANDSHAKE_START)
		SSL_ctrl((SSL *)(uintptr_t)ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
			 TLSEXT_NAMETYPE_host_name, tls->numeric ? NULL : tls->host);
}

/* Asks nobody: OpenSSL would ask on the terminal. */
static int
bus_tls_no_password(char *buf, int size, int writing, void *user)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)user;
	return -1;
}

static int
bus_tls_ca(const struct bus_tls *tls, const char *path, char error[BUS_TLS_ERROR])
{
	if (!path && SSL_CTX_set_default_verify_paths(tls->ctx) == 1)
		return 0;
	if (path && SSL_CTX_load_verify_locations(tls->ctx, path, NULL) == 1)
		return 0;
	snprintf(error, BUS_TLS_ERROR, "cannot read CA certificates from %s: %s",
		 path ? path : "the directory of this host", bus_tls_error());
	return -EINVAL;
}

static int
bus_tls_use_key(const struct bus_tls *tls, const char *text, const char *path,
		char error[BUS_TLS_ERROR])
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, bus_tls_no_password, NULL) : NULL;
	int ok = key && SSL_CTX_use_PrivateKey(tls->ctx, key) == 1 &&
		 SSL_CTX_check_private_key(tls->ctx) == 1;

	if (!ok)
		snprintf(error, BUS_TLS_ERROR, "%s is no key of the client certificate: %s", path,
			 bus_tls_error());
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok ? 0 : -EINVAL;
}

static int
bus_tls_key(const struct bus_tls *tls, const char *path, char error[BUS_TLS_ERROR])
{
	char *text = malloc(BUS_TLS_KEY_MAX), why[SECRET_ERROR];
	int rc = text ? secret_read(path, text, BUS_TLS_KEY_MAX, why) : -ENOMEM;

	if (rc == 0) {
		rc = bus_tls_use_key(tls, text, path, error);
		explicit_bzero(text, BUS_TLS_KEY_MAX);
	} else {
		snprintf(error, BUS_TLS_ERROR, "cannot use the key %s: %s", path,
			 text ? why : strerror(ENOMEM));
	}
	free(text);
	return rc;
}

static int
bus_tls_certificate(struct bus_tls *tls, const struct bus_tls_files *files,
		    char error[BUS_TLS_ERROR])
{
	if (!files->certificate)
		return 0;
	tls->certificate = true;
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, files->certificate) != 1) {
		snprintf(error, BUS_TLS_ERROR, "cannot read the client certificate %s: %s",
			 files->certificate, bus_tls_error());
		return -EINVAL;
	}
	return bus_tls_key(tls, files->key ? files->key : files->certificate, error);
}

/* The certificate must be valid for the host. */
static bool
bus_tls_expect(struct bus_tls *tls)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->ctx);
	struct addr addr;

	tls->numeric = addr_parse(tls->host, &addr) == 0;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, bus_tls_verified);
	SSL_CTX_set_app_data(tls->ctx, tls);
	SSL_CTX_set_info_callback(tls->ctx, bus_tls_event);
	return (tls->numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->host) :
			       X509_VERIFY_PARAM_set1_host(param, tls->host, 0)) == 1;
}

int
bus_tls_new(const struct bus_tls_files *files, const char *host, struct bus_tls **out,
	    char error[BUS_TLS_ERROR])
{
	struct bus_tls *tls = calloc(1, sizeof(*tls));
	int rc = -ENOMEM;

	ERR_clear_error();
	snprintf(error, BUS_TLS_ERROR, "%s", strerror(ENOMEM));
	if (!tls)
		return rc;
	tls->ctx = SSL_CTX_new(TLS_client_method());
	tls->host = strdup(host);
	if (tls->ctx && tls->host && bus_tls_expect(tls) &&
	    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) == 1) {
		SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS);
		rc = bus_tls_ca(tls, files->ca, error);
		if (rc == 0)
			rc = bus_tls_certificate(tls, files, error);
	}
	if (rc == 0)
		*out = tls;
	else
		bus_tls_free(tls);
	return rc;
}

void
bus_tls_free(struct bus_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->host);
	free(tls);
}

void *
bus_tls_context(const struct bus_tls *tls)
{
	return tls->ctx;
}

const char *
bus_tls_refused(const struct bus_tls *tls)
{
	return tls->refused;
}

bool
bus_tls_has_certificate(const struct bus_tls *tls)
{
	return tls->certificate;
}
