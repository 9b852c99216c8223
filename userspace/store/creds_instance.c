// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of a machine's role, from the metadata service of its cloud: a token
 * of the session, the name of the role, its keys. One kind of service after the
 * other is asked, unless the URL says which.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "creds_priv.h"

enum { STEP_SESSION, STEP_ROLE, STEP_KEYS };

#define REQUEST_MS	2000

static const struct kind {
	const char *name;
	const char *url;
	const char *ttl;
	const char *session;
	const char *roles;
	const char *access;
	const char *secret;
	const char *token;
} kinds[] = {
	{
		"AWS", "http://169.254.169.254", "X-aws-ec2-metadata-token-ttl-seconds: 21600",
		"X-aws-ec2-metadata-token", "latest/meta-data/iam/security-credentials/",
		"AccessKeyId", "SecretAccessKey", "Token",
	}, {
		"Aliyun", "http://100.100.100.200",
		"X-aliyun-ecs-metadata-token-ttl-seconds: 21600",
		"X-aliyun-ecs-metadata-token", "latest/meta-data/ram/security-credentials/",
		"AccessKeyId", "AccessKeySecret", "SecurityToken",
	},
};

static void next_kind_or_give_up(struct lc_instance *in, int ret);
static void send_step(struct lc_instance *in);

/* --- the answer about a role ---------------------------------------------- */

static bool take_text(json_t *obj, const char *name, char *field, size_t max)
{
	const char *value = json_string_value(json_object_get(obj, name));

	if (!value || !*value || strlen(value) >= max)
		return false;
	strscpy(field, value, max);
	return true;
}

static bool take_keys(json_t *obj, const struct kind *k, struct lc_creds *out)
{
	char when[64];

	return take_text(obj, k->access, out->access, sizeof(out->access)) &&
	       take_text(obj, k->secret, out->secret, sizeof(out->secret)) &&
	       take_text(obj, k->token, out->token, sizeof(out->token)) &&
	       take_text(obj, "Expiration", when, sizeof(when)) &&
	       lc_creds_time(when, &out->expires);
}

int lc_instance_parse(const char *body, size_t len, unsigned int kind,
		      struct lc_creds *out, char *why)
{
	json_error_t err;
	json_t *obj = json_loadb(body, len, 0, &err);
	bool ok;

	ok = obj && take_keys(obj, &kinds[kind % ARRAY_SIZE(kinds)], out);
	if (!ok) {
		explicit_bzero(out, sizeof(*out));
		snprintf(why, LC_STORE_WHY_MAX, "the metadata service: an answer without keys");
	}
	json_decref(obj);
	return ok ? 0 : -EINVAL;
}

/* --- the requests --------------------------------------------------------- */

static bool take_header(struct lc_http_req *req, const char *line, size_t len)
{
	return true;
}

static bool take_body(struct lc_http_req *req, const char *bytes, size_t len)
{
	struct lc_instance *in = req->data;

	if (in->body_len + len >= sizeof(in->body))
		return false;
	memcpy(in->body + in->body_len, bytes, len);
	in->body_len += len;
	in->body[in->body_len] = '\0';
	return true;
}

static bool plain(const char *s)
{
	return *s && !s[strcspn(s, " \t\r\n/?#\"")];
}

/* First line of an answer. */
static bool take_line(struct lc_instance *in, char *field, size_t max)
{
	in->body[strcspn(in->body, "\r\n")] = '\0';
	return plain(in->body) && strscpy(field, in->body, max) > 0;
}

static void done(struct lc_instance *in, int ret)
{
	in->busy = false;
	explicit_bzero(in->session, sizeof(in->session));
	explicit_bzero(in->body, sizeof(in->body));
	in->done(in, ret);
}

static void answered(struct lc_http_req *req)
{
	struct lc_instance *in = req->data;
	const struct kind *k = &kinds[in->kind];
	bool ok = req->error == LC_HTTP_ANSWERED && req->status == 200;

	curl_slist_free_all(req->headers);
	if (req->error == LC_HTTP_CANCELLED) {
		done(in, -ECANCELED);
		return;
	}
	if (!ok) {
		snprintf(in->why, sizeof(in->why), "%s metadata service: %.80s (HTTP %d)", k->name,
			 *req->why ? req->why : "no role for this machine", req->status);
		next_kind_or_give_up(in, -ENOENT);
		return;
	}
	switch (in->step++) {
	case STEP_SESSION:
		ok = take_line(in, in->session, sizeof(in->session));
		break;
	case STEP_ROLE:
		ok = take_line(in, in->role, sizeof(in->role));
		break;
	default:
		done(in, lc_instance_parse(in->body, in->body_len, in->kind, &in->creds, in->why));
		return;
	}
	if (ok) {
		send_step(in);
		return;
	}
	snprintf(in->why, sizeof(in->why), "%s metadata service: unexpected answer", k->name);
	next_kind_or_give_up(in, -EINVAL);
}

static void send_step(struct lc_instance *in)
{
	const struct kind *k = &kinds[in->kind];
	const char *base = *in->cfg->metadata ? in->cfg->metadata : k->url;
	const char *slash = base[strlen(base) - 1] == '/' ? "" : "/";
	char header[600];

	memset(&in->req, 0, sizeof(in->req));
	in->body_len = 0;
	in->body[0] = '\0';
	in->req.method = in->step == STEP_SESSION ? "PUT" : "GET";
	if (in->step == STEP_SESSION) {
		snprintf(in->url, sizeof(in->url), "%s%slatest/api/token", base, slash);
		in->req.headers = curl_slist_append(NULL, k->ttl);
	} else {
		snprintf(in->url, sizeof(in->url), "%s%s%s%s", base, slash, k->roles,
			 in->step == STEP_KEYS ? in->role : "");
		snprintf(header, sizeof(header), "%s: %s", k->session, in->session);
		in->req.headers = curl_slist_append(NULL, header);
		explicit_bzero(header, sizeof(header));
	}
	in->req.url = in->url;
	in->req.direct = true;
	in->req.total_ms = REQUEST_MS;
	in->req.header = take_header;
	in->req.body = take_body;
	in->req.done = answered;
	in->req.data = in;
	lc_http_submit(in->http, &in->req);
}

static void next_kind_or_give_up(struct lc_instance *in, int ret)
{
	if (ret == -ENOENT && in->kind + 1 < ARRAY_SIZE(kinds)) {
		in->kind++;
		in->step = STEP_SESSION;
		send_step(in);
		return;
	}
	done(in, ret);
}

void lc_instance_start(struct lc_instance *in)
{
	in->kind = 0;
	in->step = STEP_SESSION;
	in->busy = true;
	explicit_bzero(&in->creds, sizeof(in->creds));
	send_step(in);
}

void lc_instance_cancel(struct lc_instance *in)
{
	if (in->busy)
		lc_http_cancel(in->http, &in->req);
}
