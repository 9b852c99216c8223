// SPDX-License-Identifier: GPL-2.0-only
/*
 * Canonical request -> string to sign -> signature. The names are those of the
 * documentation ("Signature Version 4 signing process").
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "sigv4.h"

#define ALGORITHM	"AWS4-HMAC-SHA256"
#define SHA		32
#define CANONICAL_MAX	16384
#define SECRET_MAX	512

/* Parameters are sorted when they are encoded. */
struct param {
	char name[512];
	const char *value;
};

static int by_param(const void *a, const void *b)
{
	const struct param *p = a, *q = b;
	int order = strcmp(p->name, q->name);

	return order ? order : strcmp(p->value, q->value);
}

void lc_sigv4_path(struct lc_text *t, const struct lc_sigv4_request *req)
{
	lc_text_encode(t, req->path, true);
}

void lc_sigv4_query(struct lc_text *t, const struct lc_sigv4_request *req)
{
	struct param params[LC_SIGV4_PAIRS_MAX];
	int i;

	if (req->nr_query > LC_SIGV4_PAIRS_MAX) {
		t->full = true;
		return;
	}
	for (i = 0; i < req->nr_query; i++) {
		struct lc_text name = LC_TEXT(params[i].name);

		lc_text_encode(&name, req->query[i].name, false);
		t->full |= name.full;
		params[i].value = req->query[i].value;
	}
	qsort(params, req->nr_query, sizeof(params[0]), by_param);
	for (i = 0; i < req->nr_query; i++) {
		lc_text_add(t, "%s%s=", i ? "&" : "", params[i].name);
		lc_text_encode(t, params[i].value, false);
	}
}

/* Stable, and without regard to case; there are only a few. */
static void sort_headers(const struct lc_sigv4_request *req, const struct lc_sigv4_pair **sorted)
{
	int i, j;

	for (i = 0; i < req->nr_headers; i++) {
		for (j = i; j && strcasecmp(sorted[j - 1]->name, req->headers[i].name) > 0; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = &req->headers[i];
	}
}

static void put_lower(struct lc_text *t, const char *s)
{
	char c;

	for (; *s; s++) {
		c = tolower((unsigned char)*s);
		lc_text_put(t, &c, 1);
	}
}

/* Without blanks around it, and with single ones inside. */
static void put_trimmed(struct lc_text *t, const char *s)
{
	s += strspn(s, " \t");
	while (*s) {
		lc_text_put(t, s, strcspn(s, " \t"));
		s += strcspn(s, " \t");
		s += strspn(s, " \t");
		if (*s)
			lc_text_put(t, " ", 1);
	}
}

static void canonical_headers(struct lc_text *t, const struct lc_sigv4_pair **h, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		put_lower(t, h[i]->name);
		lc_text_put(t, ":", 1);
		put_trimmed(t, h[i]->value);
		lc_text_put(t, "\n", 1);
	}
}

static void signed_headers(struct lc_text *t, const struct lc_sigv4_pair **h, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (i)
			lc_text_put(t, ";", 1);
		put_lower(t, h[i]->name);
	}
}

static bool canonical_request(const struct lc_sigv4_request *req, const struct lc_sigv4_pair **h,
			      unsigned char *digest)
{
	char buf[CANONICAL_MAX];
	struct lc_text t = LC_TEXT(buf);
	bool ok;

	lc_text_add(&t, "%s\n", req->method);
	lc_sigv4_path(&t, req);
	lc_text_put(&t, "\n", 1);
	lc_sigv4_query(&t, req);
	lc_text_put(&t, "\n", 1);
	canonical_headers(&t, h, req->nr_headers);
	lc_text_put(&t, "\n", 1);
	signed_headers(&t, h, req->nr_headers);
	lc_text_add(&t, "\n%s", req->payload);
	ok = !t.full && EVP_Q_digest(NULL, "SHA256", NULL, t.buf, t.len, digest, NULL);
	/* A session token may have been in there. */
	OPENSSL_cleanse(buf, sizeof(buf));
	return ok;
}

static bool hmac(const void *key, size_t key_len, const char *data, unsigned char *out)
{
	return HMAC(EVP_sha256(), key, key_len, (const unsigned char *)data, strlen(data),
		    out, NULL);
}

static bool signing_key(const struct lc_sigv4_key *key, unsigned char *out)
{
	char secret[SECRET_MAX], day[9];
	struct lc_text t = LC_TEXT(secret);
	bool ok;

	snprintf(day, sizeof(day), "%.8s", key->date);
	lc_text_add(&t, "AWS4%s", key->secret);
	ok = !t.full && hmac(secret, t.len, day, out) && hmac(out, SHA, key->region, out) &&
	     hmac(out, SHA, key->service, out) && hmac(out, SHA, "aws4_request", out);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

static bool signature(const struct lc_sigv4_key *key, const char *scope,
		      const unsigned char *digest, char *hex)
{
	unsigned char secret[SHA], mac[SHA];
	char buf[512], digest_hex[2 * SHA + 1];
	struct lc_text t = LC_TEXT(buf);
	bool ok;

	lc_text_hex(digest_hex, digest, SHA);
	lc_text_add(&t, "%s\n%s\n%s\n%s", ALGORITHM, key->date, scope, digest_hex);
	ok = !t.full && signing_key(key, secret) && hmac(secret, SHA, buf, mac);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (ok)
		lc_text_hex(hex, mac, SHA);
	return ok;
}

bool lc_sigv4_sign(const struct lc_sigv4_request *req, const struct lc_sigv4_key *key,
		   struct lc_text *authorization)
{
	const struct lc_sigv4_pair *h[LC_SIGV4_PAIRS_MAX];
	char scope[256], hex[2 * SHA + 1];
	unsigned char digest[SHA];
	struct lc_text t = LC_TEXT(scope);

	if (req->nr_headers > LC_SIGV4_PAIRS_MAX)
		return false;
	sort_headers(req, h);
	lc_text_add(&t, "%.8s/%s/%s/aws4_request", key->date, key->region, key->service);
	if (t.full || !canonical_request(req, h, digest) || !signature(key, scope, digest, hex))
		return false;
	lc_text_add(authorization, "%s Credential=%s/%s, SignedHeaders=", ALGORITHM,
		    key->access, scope);
	signed_headers(authorization, h, req->nr_headers);
	lc_text_add(authorization, ", Signature=%s", hex);
	return !authorization->full;
}
