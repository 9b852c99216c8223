/* SPDX-License-Identifier: GPL-2.0-only */
/* From what S3 says to what the contract of a store knows. Pure. */
#ifndef LC_S3_STATUS_H
#define LC_S3_STATUS_H

#include "s3_answer.h"

/* What a request does to the store: decides what a lost or unclear answer means. */
enum lc_s3_effect {
	LC_S3_READS,
	LC_S3_WRITES,		/* an object may be there, or gone, afterwards */
	LC_S3_PREPARES,		/* nothing that anyone sees: parts */
};

/* @conditional: it had a condition. @hint: what the operator can do, or "". */
enum lc_store_status lc_s3_status(const struct lc_s3_answer *a, enum lc_s3_effect effect,
				  bool conditional, const char **hint);

/* Can other keys help? */
bool lc_s3_keys_refused(const struct lc_s3_answer *a);

#endif /* LC_S3_STATUS_H */
