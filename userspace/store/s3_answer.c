// SPDX-License-Identifier: GPL-2.0-only
/* What an S3 server says. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "s3_answer.h"

#define DEPTH_MAX	16

static void bad(struct lc_s3_answer *a, const char *what)
{
	if (!a->bad)
		a->bad = what;
}

/* Digits only, as strtoull() would also take blanks and signs. */
static bool number(const char *s, const char **end, uint64_t *n)
{
	char *stop;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*n = strtoull(s, &stop, 10);
	*end = stop;
	return !errno;
}

/* --- the header ----------------------------------------------------------- */

static void take_length(struct lc_s3_answer *a, const char *value)
{
	const char *end;

	a->has_length = number(value, &end, &a->length) && !*end;
	if (!a->has_length)
		bad(a, "Content-Length is no number");
}

/* "bytes 0-99/1000" */
static void take_range(struct lc_s3_answer *a, const char *value)
{
	const char *p = value;

	if (!strncmp(p, "bytes */", 8))		/* of an error */
		return;
	a->has_range = !strncmp(p, "bytes ", 6) && number(p + 6, &p, &a->first) &&
		       *p == '-' && number(p + 1, &p, &a->last) &&
		       *p == '/' && number(p + 1, &p, &a->total) && !*p &&
		       a->first <= a->last && a->last < a->total;
	if (!a->has_range)
		bad(a, "Content-Range is not understood");
}

/* Without quotes and what makes it a weak one. */
static void take_etag(struct lc_s3_answer *a, const char *value)
{
	size_t len;

	if (!strncmp(value, "W/", 2))
		value += 2;
	len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	if (len >= sizeof(a->etag)) {
		bad(a, "the ETag is too long");
		return;
	}
	memcpy(a->etag, value, len);
	a->etag[len] = '\0';
}

static void take_region(struct lc_s3_answer *a, const char *value)
{
	strscpy(a->region, value, sizeof(a->region));
}

static const struct field {
	const char *name;
	void (*take)(struct lc_s3_answer *a, const char *value);
} fields[] = {
	{ "content-length", take_length },
	{ "content-range", take_range },
	{ "etag", take_etag },
	{ "x-amz-bucket-region", take_region },
};

/* "HTTP/1.1 200 OK": also in front of it all again, after a 100 Continue. */
static void take_status(struct lc_s3_answer *a, const char *line)
{
	const char *p = strchr(line, ' ');
	uint64_t status;

	lc_s3_answer_start(a);
	if (p && number(p + 1, &p, &status) && status < 1000)
		a->status = status;
}

void lc_s3_answer_header(struct lc_s3_answer *a, const char *bytes, size_t len)
{
	char line[1024], *value;
	unsigned int i;

	if (len >= sizeof(line) || memchr(bytes, 0, len))
		return;
	memcpy(line, bytes, len);
	line[len] = '\0';
	if (!strncmp(line, "HTTP/", 5)) {
		take_status(a, line);
		return;
	}
	value = strchr(line, ':');
	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcasecmp(line, fields[i].name))
			fields[i].take(a, value);
}

/* --- the document --------------------------------------------------------- */

static void stop(struct lc_s3_answer *a, const char *what)
{
	bad(a, what);
	XML_StopParser(a->xml, XML_FALSE);
}

static void take_code(struct lc_s3_answer *a)
{
	strscpy(a->code, a->text, sizeof(a->code));
}

static void take_message(struct lc_s3_answer *a)
{
	strscpy(a->message, a->text, sizeof(a->message));
}

static void take_upload_id(struct lc_s3_answer *a)
{
	strscpy(a->upload_id, a->text, sizeof(a->upload_id));
}

static void take_token(struct lc_s3_answer *a)
{
	strscpy(a->token, a->text, sizeof(a->token));
}

static void take_truncated(struct lc_s3_answer *a)
{
	a->truncated = !strcmp(a->text, "true");
}

static void take_tag(struct lc_s3_answer *a)
{
	take_etag(a, a->text);
}

static void take_key(struct lc_s3_answer *a)
{
	strscpy(a->key, a->text, sizeof(a->key));
}

static void take_size(struct lc_s3_answer *a)
{
	const char *end;

	if (!number(a->text, &end, &a->size) || *end)
		stop(a, "a size is no number");
}

static void take_contents(struct lc_s3_answer *a)
{
	if (!*a->key)
		stop(a, "an object without a key");
	else if (!lc_names_add(&a->names, a->key, a->size))
		stop(a, "out of memory for the listing");
	a->key[0] = '\0';
	a->size = 0;
}

/* What is taken when an element ends; @parent "" for the children of the root. */
static const struct element {
	const char *root;
	const char *parent;
	const char *name;
	void (*take)(struct lc_s3_answer *a);
} elements[] = {
	{ "Error", "", "Code", take_code },
	{ "Error", "", "Message", take_message },
	{ "InitiateMultipartUploadResult", "", "UploadId", take_upload_id },
	{ "CompleteMultipartUploadResult", "", "ETag", take_tag },
	{ "ListBucketResult", "", "IsTruncated", take_truncated },
	{ "ListBucketResult", "", "NextContinuationToken", take_token },
	{ "ListBucketResult", "Contents", "Key", take_key },
	{ "ListBucketResult", "Contents", "Size", take_size },
	{ "ListBucketResult", "", "Contents", take_contents },
};

static void XMLCALL element_starts(void *data, const char *name, const char **attrs)
{
	struct lc_s3_answer *a = data;

	a->text_len = 0;
	a->text[0] = '\0';
	if (a->depth == 0)
		strscpy(a->root, name, sizeof(a->root));
	else if (a->depth == 1)
		strscpy(a->parent, name, sizeof(a->parent));
	if (++a->depth > DEPTH_MAX)
		stop(a, "XML is nested too deeply");
}

static void XMLCALL element_ends(void *data, const char *name)
{
	struct lc_s3_answer *a = data;
	const struct element *e;
	unsigned int i;

	a->depth--;
	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		e = &elements[i];
		if (a->depth == (*e->parent ? 2 : 1) && !strcmp(e->name, name) &&
		    !strcmp(e->root, a->root) && (!*e->parent || !strcmp(e->parent, a->parent)))
			e->take(a);
	}
	a->text_len = 0;
	a->text[0] = '\0';
}

static void XMLCALL take_text(void *data, const char *bytes, int len)
{
	struct lc_s3_answer *a = data;

	if (a->text_len + len >= sizeof(a->text)) {
		stop(a, "a text in XML is too long");
		return;
	}
	memcpy(a->text + a->text_len, bytes, len);
	a->text_len += len;
	a->text[a->text_len] = '\0';
}

/* There is no need for entities of one's own, and much harm in them. */
static void XMLCALL doctype(void *data, const char *name, const char *sysid, const char *pubid,
			    int has_internal)
{
	stop(data, "XML with a DOCTYPE");
}

static bool start_xml(struct lc_s3_answer *a)
{
	if (!a->xml)
		a->xml = XML_ParserCreate(NULL);
	else
		XML_ParserReset(a->xml, NULL);
	if (!a->xml) {
		bad(a, "out of memory for XML");
		return false;
	}
	XML_SetUserData(a->xml, a);
	XML_SetElementHandler(a->xml, element_starts, element_ends);
	XML_SetCharacterDataHandler(a->xml, take_text);
	XML_SetStartDoctypeDeclHandler(a->xml, doctype);
	a->depth = 0;
	a->root[0] = '\0';
	a->text_len = 0;
	return true;
}

void lc_s3_answer_xml(struct lc_s3_answer *a, const char *bytes, size_t len)
{
	if (a->bad || (!a->bytes && !start_xml(a)))
		return;
	a->bytes += len;
	if (a->bytes > LC_S3_XML_MAX)
		bad(a, "XML is too long");
	else if (XML_Parse(a->xml, bytes, len, 0) != XML_STATUS_OK)
		bad(a, "not XML");
}

bool lc_s3_answer_end(struct lc_s3_answer *a, const char *root)
{
	if (!a->bad && (!a->bytes || XML_Parse(a->xml, "", 0, 1) != XML_STATUS_OK))
		bad(a, "XML that does not end");
	if (!a->bad && strcmp(a->root, root))
		bad(a, "XML of another kind");
	return !a->bad;
}

/* --- life ----------------------------------------------------------------- */

void lc_s3_answer_start(struct lc_s3_answer *a)
{
	XML_Parser xml = a->xml;
	struct lc_names names = a->names;

	memset(a, 0, offsetof(struct lc_s3_answer, text));
	names.len = 0;
	a->xml = xml;
	a->names = names;
	a->text_len = 0;
	a->text[0] = '\0';
	a->key[0] = '\0';
	a->size = 0;
}

void lc_s3_answer_free(struct lc_s3_answer *a)
{
	if (a->xml)
		XML_ParserFree(a->xml);
	lc_names_free(&a->names);
	a->xml = NULL;
}
