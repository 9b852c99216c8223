/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of the objects of a volume. Pure. */
#ifndef LC_BUCKET_KEY_H
#define LC_BUCKET_KEY_H

#include <stdbool.h>

#include <linux/types.h>

/* Enough for each of them, with the NUL. */
#define LC_KEY_LEN	96u

/* @key: LC_KEY_LEN bytes or more. */
void lc_key_manifest(char *key, const u8 uuid[16]);
void lc_key_data(char *key, const u8 uuid[16], u64 epoch, u64 seq);
void lc_key_ckpt(char *key, const u8 uuid[16], u64 seq, u64 epoch, u32 part);
/* What the keys of all data objects, or all checkpoints, begin with. */
void lc_key_data_prefix(char *key, const u8 uuid[16]);
void lc_key_ckpt_prefix(char *key, const u8 uuid[16]);

/* False: not such a key, to the letter. */
bool lc_key_parse_data(const char *key, const u8 uuid[16], u64 *epoch, u64 *seq);
bool lc_key_parse_ckpt(const char *key, const u8 uuid[16], u64 *seq, u64 *epoch, u32 *part);

#define LC_UUID_TEXT	37u

/* "00112233-4455-6677-8899-aabbccddeeff"; returns @text, LC_UUID_TEXT bytes. */
const char *lc_uuid_text(char *text, const u8 uuid[16]);

#endif /* LC_BUCKET_KEY_H */
