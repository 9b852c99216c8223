// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the answer of an S3 server or a metadata service: lines of a
 * header up to an empty one, then a document that comes in pieces. Whatever is
 * accepted has to be within its limits.
 *
 * Input: kind, length of a piece, header, document.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "creds_priv.h"
#include "s3_status.h"

static void must(bool cond)
{
	if (!cond)
		abort();
}

static void terminated(const char *field, size_t max)
{
	must(strnlen(field, max) < max);
}

static size_t feed_header(struct lc_s3_answer *a, const char *data, size_t size)
{
	const char *end;
	size_t pos = 0, len;

	while (pos < size) {
		end = memchr(data + pos, '\n', size - pos);
		len = end ? end - data - pos : size - pos;
		if (len)
			lc_s3_answer_header(a, data + pos, len);
		pos += len + 1;
		if (!len)
			break;
	}
	return pos < size ? pos : size;
}

static void within_limits(const struct lc_s3_answer *a)
{
	const char *key, *hint;
	uint64_t bytes;
	size_t pos = 0;

	must(a->status >= 0 && a->status < 1000);
	must(!a->has_range || (a->first <= a->last && a->last < a->total));
	terminated(a->etag, sizeof(a->etag));
	terminated(a->region, sizeof(a->region));
	terminated(a->code, sizeof(a->code));
	terminated(a->message, sizeof(a->message));
	terminated(a->upload_id, sizeof(a->upload_id));
	terminated(a->token, sizeof(a->token));
	while ((key = lc_names_next(&a->names, &pos, &bytes)))
		must(*key && strlen(key) < LC_S3_TEXT_MAX);
	must(pos == a->names.len);
	lc_s3_status(a, LC_S3_WRITES, true, &hint);
	must(hint);
}

/* A listing that has begun well. */
static const char begun[] = "<?xml version='1.0'?><ListBucketResult><Contents><Key>k</Key>";

static void fuzz_answer(const char *data, size_t size, size_t piece, bool begin)
{
	static const char * const roots[] = { "ListBucketResult", "CompleteMultipartUploadResult" };
	struct lc_s3_answer a = {};
	size_t pos, n;
	char *copy;

	lc_s3_answer_start(&a);
	pos = feed_header(&a, data, size);
	if (begin)
		lc_s3_answer_xml(&a, begun, sizeof(begun) - 1);
	for (; pos < size && !a.bad; pos += n) {
		n = size - pos < piece ? size - pos : piece;
		/* Just as large as it may be, for ASan to watch. */
		copy = malloc(n);
		must(copy);
		memcpy(copy, data + pos, n);
		lc_s3_answer_xml(&a, copy, n);
		free(copy);
	}
	must(lc_s3_answer_end(&a, roots[piece % 2]) == !a.bad);
	within_limits(&a);
	lc_s3_answer_free(&a);
}

static void fuzz_keys(const char *data, size_t size, unsigned int kind)
{
	char why[LC_STORE_WHY_MAX] = "";
	struct lc_creds creds = {};
	char *copy = malloc(size + !size);

	must(copy);
	memcpy(copy, data, size);
	if (!lc_instance_parse(copy, size, kind, &creds, why))
		must(*creds.access && *creds.secret && *creds.token);
	else
		must(*why && !*creds.secret);
	terminated(creds.token, sizeof(creds.token));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 4 == 3)
		fuzz_keys((const char *)data + 2, size - 2, data[1]);
	else
		fuzz_answer((const char *)data + 2, size - 2, data[1] % 64 + 1,
			    data[0] & 4);
	return 0;
}
