// SPDX-License-Identifier: GPL-2.0-only
/*
 * An object in parts:
 *
 *   [look] -> create -> part 1 ... part n -> complete
 *                         `------ failed -----> abort
 *
 * look: for a condition, since not every store heeds it at the end. When the
 * outcome of "complete" is unknown nothing is aborted: it may be under way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "s3.h"
#include "text.h"

#define PARTS_MAX	10000u
#define PART_XML_MAX	(LC_STORE_ETAG_MAX + 96)

struct s3_multipart {
	char upload_id[LC_S3_TEXT_MAX];
	uint64_t len;
	unsigned int nr_parts;
	unsigned int part;		/* under way, from 0 */
	struct lc_text xml;		/* what completes it */
	struct iovec iov;		/* of that */
	enum lc_store_status status;	/* while it is aborted */
	char why[LC_STORE_WHY_MAX];
	char buf[];
};

static const struct s3_step create_step, part_step, complete_step;

/* --- abort ---------------------------------------------------------------- */

static void prepare_upload(struct s3_op *op)
{
	s3_query(op, "uploadId", op->multi->upload_id);
}

static void aborted(struct s3_op *op)
{
	op->req->status = op->multi->status;
	strscpy(op->req->why, op->multi->why, sizeof(op->req->why));
	s3_finish(op);
}

static const struct s3_step abort_step = {
	.method = "DELETE",
	.effect = LC_S3_PREPARES,
	.prepare = prepare_upload,
	.answered = aborted,
};

static void give_up(struct s3_op *op)
{
	op->multi->status = op->req->status;
	strscpy(op->multi->why, op->req->why, sizeof(op->multi->why));
	s3_send(op, &abort_step);
}

/* --- complete ------------------------------------------------------------- */

static void prepare_complete(struct s3_op *op)
{
	struct s3_multipart *m = op->multi;

	prepare_upload(op);
	s3_conditions(op);
	op->out.once = true;
	m->iov = (struct iovec){ m->xml.buf, m->xml.len };
	s3_body(op, &m->iov, 1, 0, m->xml.len);
}

static void completed(struct s3_op *op)
{
	struct lc_store_req *req = op->req;

	if (req->status == LC_STORE_OK)
		strscpy(req->etag, op->answer.etag, sizeof(req->etag));
	if (req->status == LC_STORE_OK || req->status == LC_STORE_UNKNOWN)
		s3_finish(op);
	else
		give_up(op);
}

static const struct s3_step complete_step = {
	.method = "POST",
	.effect = LC_S3_WRITES,
	.prepare = prepare_complete,
	.answered = completed,
	.document = "CompleteMultipartUploadResult",
	.conditional = true,
};

/* --- parts ---------------------------------------------------------------- */

static void prepare_part(struct s3_op *op)
{
	const struct lc_store_req *req = op->req;
	struct s3_multipart *m = op->multi;
	uint64_t size = op->s3->cfg.part_size;
	char number[16];

	snprintf(number, sizeof(number), "%u", m->part + 1);
	s3_query(op, "partNumber", number);
	prepare_upload(op);
	s3_body(op, req->iov, req->nr_iov, m->part * size, min(size, m->len - m->part * size));
}

/* Tags go into XML as they came; they are plain, or we do not go on. */
static bool plain_tag(const char *tag)
{
	return *tag && !tag[strcspn(tag, "<>&\"")];
}

static void part_answered(struct s3_op *op)
{
	struct s3_multipart *m = op->multi;

	if (op->cancelled || op->req->status != LC_STORE_OK) {
		give_up(op);
		return;
	}
	if (!plain_tag(op->answer.etag)) {
		lc_store_set(op->req, LC_STORE_CORRUPT, "a part without a usable ETag");
		give_up(op);
		return;
	}
	m->part++;
	lc_text_add(&m->xml, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
		    m->part, op->answer.etag);
	if (m->part < m->nr_parts) {
		s3_send(op, &part_step);
		return;
	}
	lc_text_add(&m->xml, "</CompleteMultipartUpload>");
	s3_send(op, &complete_step);
}

static const struct s3_step part_step = {
	.method = "PUT",
	.effect = LC_S3_PREPARES,
	.prepare = prepare_part,
	.answered = part_answered,
};

/* --- create --------------------------------------------------------------- */

static void prepare_create(struct s3_op *op)
{
	s3_query(op, "uploads", "");
}

static void created(struct s3_op *op)
{
	struct s3_multipart *m = op->multi;
	struct lc_store_req *req = op->req;

	if (req->status == LC_STORE_OK && !*op->answer.upload_id)
		lc_store_set(req, LC_STORE_CORRUPT, "an upload without a name");
	if (req->status != LC_STORE_OK) {
		s3_finish(op);
		return;
	}
	strscpy(m->upload_id, op->answer.upload_id, sizeof(m->upload_id));
	if (op->cancelled)
		give_up(op);
	else
		s3_send(op, &part_step);
}

static const struct s3_step create_step = {
	.method = "POST",
	.effect = LC_S3_PREPARES,
	.prepare = prepare_create,
	.answered = created,
	.document = "InitiateMultipartUploadResult",
};

/* --- look ----------------------------------------------------------------- */

static void prepare_look(struct s3_op *op)
{
}

static void looked(struct s3_op *op)
{
	struct lc_store_req *req = op->req;
	bool there = req->status == LC_STORE_OK;

	if ((!there && req->status != LC_STORE_NOT_FOUND) || op->cancelled) {
		s3_finish(op);
		return;
	}
	if ((req->flags & LC_STORE_IF_ABSENT) && there)
		lc_store_set(req, LC_STORE_PRECOND, "there is one already");
	else if ((req->flags & LC_STORE_IF_MATCH) &&
		 (!there || strcmp(req->etag, op->answer.etag)))
		lc_store_set(req, LC_STORE_PRECOND, "it was changed meanwhile");
	if (req->status == LC_STORE_PRECOND)
		s3_finish(op);
	else
		s3_send(op, &create_step);
}

static const struct s3_step look_step = {
	.method = "HEAD",
	.effect = LC_S3_READS,
	.prepare = prepare_look,
	.answered = looked,
};

/* --- life ----------------------------------------------------------------- */

void s3_multipart_begin(struct s3_op *op)
{
	uint64_t len = lc_store_put_len(op->req);
	uint64_t nr = DIV_ROUND_UP(len, op->s3->cfg.part_size);
	size_t xml = nr * PART_XML_MAX + 128;
	struct s3_multipart *m = NULL;

	if (nr <= PARTS_MAX)
		m = calloc(1, sizeof(*m) + xml);
	if (!m) {
		lc_store_set(op->req, LC_STORE_FAILED, "%s", nr > PARTS_MAX ?
			     "too large for 10000 parts; raise part_size" : "out of memory");
		s3_finish(op);
		return;
	}
	m->len = len;
	m->nr_parts = nr;
	m->xml = (struct lc_text){ .buf = m->buf, .max = xml };
	lc_text_add(&m->xml, "<CompleteMultipartUpload>");
	op->multi = m;
	if (op->req->flags & (LC_STORE_IF_ABSENT | LC_STORE_IF_MATCH))
		s3_send(op, &look_step);
	else
		s3_send(op, &create_step);
}

void s3_multipart_free(struct s3_op *op)
{
	free(op->multi);
	op->multi = NULL;
}
