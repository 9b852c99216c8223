/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an S3 server says: lines of the header, and documents of XML. Pure, and
 * fed piece by piece. Nothing in there is trusted: fields have their limits, and
 * what does not fit or is not well-formed makes the answer bad.
 */
#ifndef LC_S3_ANSWER_H
#define LC_S3_ANSWER_H

#include <expat.h>

#include "names.h"
#include "store.h"

#define LC_S3_TEXT_MAX	2048u
/* A page of a thousand of the longest keys. */
#define LC_S3_XML_MAX	(8u << 20)

struct lc_s3_answer {
	/* Of the header. */
	int status;
	bool has_length;
	bool has_range;
	uint64_t length;
	uint64_t first, last, total;		/* Content-Range */
	char etag[LC_STORE_ETAG_MAX];
	char region[64];			/* where the bucket is */

	/* Of the document. */
	char code[64];				/* Error */
	char message[128];
	char upload_id[LC_S3_TEXT_MAX];
	char token[LC_S3_TEXT_MAX];		/* where the next page begins */
	bool truncated;				/* there is one */
	struct lc_names names;			/* of this page */

	const char *bad;			/* what is wrong with it */

	/* Of the parser. */
	XML_Parser xml;
	unsigned int depth;
	size_t bytes;
	char root[48];
	char parent[48];
	char text[LC_S3_TEXT_MAX];
	size_t text_len;
	char key[LC_S3_TEXT_MAX];
	uint64_t size;
};

/* The memory is the caller's, zeroed before its first use. */
void lc_s3_answer_start(struct lc_s3_answer *a);
void lc_s3_answer_free(struct lc_s3_answer *a);

void lc_s3_answer_header(struct lc_s3_answer *a, const char *line, size_t len);
void lc_s3_answer_xml(struct lc_s3_answer *a, const char *bytes, size_t len);

/*
 * The document has ended. False, and @bad says why, unless it was whole and of
 * that kind ("ListBucketResult").
 */
bool lc_s3_answer_end(struct lc_s3_answer *a, const char *root);

#endif /* LC_S3_ANSWER_H */
