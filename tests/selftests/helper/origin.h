/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The origin of the test helper: a sparse file, and beside it how far the log is in
 * it. What is durable here survives the helper, which is killed; not the machine.
 */
#ifndef TEST_ORIGIN_H
#define TEST_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct origin {
	int image;
	int mark;
	uint8_t cache[16];	/* whose LSNs these are */
	uint64_t applied;	/* everything below it is in the file */
};

/* Files in @dir, made if they are not there; dies of errors, as all of these. */
void origin_open(struct origin *o, const char *dir, uint64_t bytes);
/* The LSNs of another cache begin anew. */
void origin_cache(struct origin *o, const uint8_t cache[16]);
void origin_write(struct origin *o, uint64_t lba, const void *buf, uint32_t sectors);
void origin_zero(struct origin *o, uint64_t lba, uint32_t sectors);
void origin_read(struct origin *o, uint64_t lba, void *buf, uint32_t sectors);
/* Everything below @lsn has been written: make it durable, then say so. */
void origin_commit(struct origin *o, uint64_t lsn);

void die(const char *what) __attribute__((noreturn));

/* CRC32C of 4096 bytes, as the module has it. */
uint32_t lc_block_crc(const void *block);

#endif /* TEST_ORIGIN_H */
