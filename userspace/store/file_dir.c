// SPDX-License-Identifier: GPL-2.0-only
/* One object of a directory: put, get, head, delete. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/string.h>
#include <openssl/evp.h>

#include "file_dir.h"

#define CHUNK	65536

/* --- the directory -------------------------------------------------------- */

int lc_file_dir_open(struct lc_file_dir *dir, const char *path, char *why)
{
	int err;

	if (snprintf(dir->path, sizeof(dir->path), "%s", path) >= sizeof(dir->path)) {
		snprintf(why, LC_STORE_WHY_MAX, "the path of the directory is too long");
		return -ENAMETOOLONG;
	}
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0) {
		err = errno;
		snprintf(why, LC_STORE_WHY_MAX, "%.160s: %s; the directory has to be there already",
			 path, strerror(err));
		return -err;
	}
	if (mkdirat(dir->fd, LC_FILE_TMP, 0777) && errno != EEXIST) {
		err = errno;
		snprintf(why, LC_STORE_WHY_MAX, "%.160s: cannot write there: %s",
			 path, strerror(err));
		close(dir->fd);
		return -err;
	}
	return 0;
}

void lc_file_dir_close(struct lc_file_dir *dir)
{
	close(dir->fd);
	dir->fd = -1;
}

static void failed(const struct lc_file_dir *dir, struct lc_store_req *req, const char *what)
{
	int err = errno;
	enum lc_store_status status = LC_STORE_FAILED;

	if (err == EACCES || err == EPERM || err == EROFS)
		status = LC_STORE_DENIED;
	lc_store_set(req, status, "cannot %s in %.100s: %s", what, dir->path, strerror(err));
}

/* --- content -------------------------------------------------------------- */

static void tag_text(char *etag, const unsigned char *md, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		sprintf(etag + 2 * i, "%02x", md[i]);
}

static bool hash_iov(const struct iovec *iov, int nr, char *etag)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int len;
	bool ok;
	int i;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (i = 0; ok && i < nr; i++)
		ok = EVP_DigestUpdate(ctx, iov[i].iov_base, iov[i].iov_len);
	ok = ok && EVP_DigestFinal_ex(ctx, md, &len);
	EVP_MD_CTX_free(ctx);
	if (ok)
		tag_text(etag, md, len);
	else
		errno = ENOMEM;
	return ok;
}

/* All of the file, from its beginning. */
static bool hash_fd(int fd, char *etag)
{
	unsigned char md[EVP_MAX_MD_SIZE], buf[CHUNK];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int len;
	off_t pos = 0;
	ssize_t n = 0;
	bool ok;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	while (ok && (n = pread(fd, buf, sizeof(buf), pos)) > 0) {
		pos += n;
		ok = EVP_DigestUpdate(ctx, buf, n);
	}
	if (!ok || n < 0) {
		if (!ok)
			errno = ENOMEM;
		EVP_MD_CTX_free(ctx);
		return false;
	}
	EVP_DigestFinal_ex(ctx, md, &len);
	EVP_MD_CTX_free(ctx);
	tag_text(etag, md, len);
	return true;
}

static bool write_all(int fd, const struct iovec *iov, int nr)
{
	const char *p;
	size_t left;
	ssize_t n;
	int i;

	for (i = 0; i < nr; i++) {
		p = iov[i].iov_base;
		for (left = iov[i].iov_len; left; left -= n, p += n) {
			n = write(fd, p, left);
			if (n < 0)
				return false;
		}
	}
	return true;
}

/* --- put ------------------------------------------------------------------ */

/*
 * Every directory from that of @key upwards: one of them may be new, made by
 * this or by another process that has not come so far yet.
 */
static bool sync_dirs(const struct lc_file_dir *dir, const char *key)
{
	char path[LC_STORE_KEY_MAX];
	char *slash;
	int fd;

	snprintf(path, sizeof(path), "%s", key);
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		fd = openat(dir->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return false;
		if (fsync(fd)) {
			close(fd);
			return false;
		}
		close(fd);
	}
	return !fsync(dir->fd);
}

static bool make_dirs(const struct lc_file_dir *dir, const char *key)
{
	char path[LC_STORE_KEY_MAX];
	char *slash;

	snprintf(path, sizeof(path), "%s", key);
	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dir->fd, path, 0777) && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return true;
}

static int lock(const struct lc_file_dir *dir, int how)
{
	int fd = openat(dir->fd, LC_FILE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return -1;
	while (flock(fd, how))
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	return fd;
}

/* 1: it is @etag, 0: it is not or there is none, -1: errno. */
static int matches(const struct lc_file_dir *dir, const char *key, const char *etag)
{
	char now[LC_STORE_ETAG_MAX];
	int fd, ret = -1;

	fd = openat(dir->fd, key, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (hash_fd(fd, now))
		ret = !strcmp(now, etag);
	close(fd);
	return ret;
}

/* @tmp becomes the object. 1: done, 0: the condition does not hold, -1: errno. */
static int replace(const struct lc_file_dir *dir, const struct lc_store_req *req, const char *tmp)
{
	bool compare = req->flags & LC_STORE_IF_MATCH;
	int fd, ret = 1;

	fd = lock(dir, compare ? LOCK_EX : LOCK_SH);
	if (fd < 0)
		return -1;
	if (compare)
		ret = matches(dir, req->key, req->etag);
	if (ret == 1 && renameat(dir->fd, tmp, dir->fd, req->key))
		ret = -1;
	close(fd);
	return ret;
}

static int create(const struct lc_file_dir *dir, const struct lc_store_req *req, const char *tmp)
{
	struct stat st;

	if (!linkat(dir->fd, tmp, dir->fd, req->key, 0))
		return 1;
	if (errno != EEXIST)
		return -1;
	/* Over NFS an answer may be lost: was it this link, after all? */
	return !fstatat(dir->fd, tmp, &st, 0) && st.st_nlink > 1;
}

static int publish(const struct lc_file_dir *dir, const struct lc_store_req *req, const char *tmp)
{
	int (*how)(const struct lc_file_dir *dir, const struct lc_store_req *req, const char *tmp);
	int ret;

	how = req->flags & LC_STORE_IF_ABSENT ? create : replace;
	ret = how(dir, req, tmp);
	if (ret < 0 && errno == ENOENT && make_dirs(dir, req->key))
		ret = how(dir, req, tmp);
	return ret;
}

static bool cannot_link(const struct lc_store_req *req)
{
	return (req->flags & LC_STORE_IF_ABSENT) &&
	       (errno == EPERM || errno == EOPNOTSUPP);
}

static void publish_and_say(const struct lc_file_dir *dir, struct lc_store_req *req,
			    const char *tmp, const char *etag)
{
	int ret = publish(dir, req, tmp);

	if (!ret) {
		lc_store_set(req, LC_STORE_PRECOND, "%s", req->flags & LC_STORE_IF_ABSENT ?
			     "there is one already" : "it was changed meanwhile");
	} else if (ret < 0 && cannot_link(req)) {
		lc_store_set(req, LC_STORE_NO_COND, "the file system of %.100s has no links",
			     dir->path);
	} else if (ret < 0) {
		failed(dir, req, "put it into place");
	} else if (!sync_dirs(dir, req->key)) {
		failed(dir, req, "make it durable");
		req->status = LC_STORE_UNKNOWN;
	} else {
		lc_store_set_ok(req);
		strscpy(req->etag, etag, sizeof(req->etag));
	}
}

void lc_file_put(const struct lc_file_dir *dir, struct lc_store_req *req)
{
	char tmp[sizeof(LC_FILE_TMP) + 40], etag[LC_STORE_ETAG_MAX];
	uint64_t random[2];
	int fd;

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		failed(dir, req, "get random bytes");
		return;
	}
	sprintf(tmp, "%s/%016" PRIx64 "%016" PRIx64, LC_FILE_TMP, random[0], random[1]);
	fd = openat(dir->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		failed(dir, req, "create a file");
		return;
	}
	if (!hash_iov(req->iov, req->nr_iov, etag) ||
	    !write_all(fd, req->iov, req->nr_iov) || fsync(fd))
		failed(dir, req, "write it");
	else
		publish_and_say(dir, req, tmp, etag);
	close(fd);
	unlinkat(dir->fd, tmp, 0);
}

/* --- the others ----------------------------------------------------------- */

static int open_object(const struct lc_file_dir *dir, struct lc_store_req *req)
{
	struct stat st;
	int fd;

	fd = openat(dir->fd, req->key, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		lc_store_set(req, LC_STORE_NOT_FOUND, "no such object in %.100s", dir->path);
		return -1;
	}
	if (fd < 0 || fstat(fd, &st)) {
		failed(dir, req, "open it");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		lc_store_set(req, LC_STORE_NOT_FOUND, "in %.100s this is no file", dir->path);
		close(fd);
		return -1;
	}
	req->size = st.st_size;
	return fd;
}

static void read_range(const struct lc_file_dir *dir, struct lc_store_req *req, int fd)
{
	uint64_t offset = req->len ? req->offset : 0;
	uint64_t want = req->len ? req->len : req->buf_len;
	ssize_t n;

	if (req->len && offset >= req->size) {
		lc_store_set(req, LC_STORE_RANGE,
			     "bytes from %" PRIu64 " are wanted, it has %" PRIu64,
			     offset, req->size);
		return;
	}
	if (want > req->size - offset)
		want = req->size - offset;
	for (req->got = 0; req->got < want; req->got += n) {
		n = pread(fd, (char *)req->buf + req->got, want - req->got, offset + req->got);
		if (n < 0) {
			failed(dir, req, "read it");
			return;
		}
		if (!n) {
			lc_store_set(req, LC_STORE_CORRUPT,
				     "it became shorter than %" PRIu64, req->size);
			return;
		}
	}
	lc_store_set_ok(req);
}

void lc_file_get(const struct lc_file_dir *dir, struct lc_store_req *req)
{
	struct iovec all = { .iov_base = req->buf };
	int fd;

	req->got = 0;
	req->etag[0] = '\0';
	fd = open_object(dir, req);
	if (fd < 0)
		return;
	read_range(dir, req, fd);
	close(fd);
	/* The tag is one of the whole; a part is not worth reading all for it. */
	all.iov_len = req->got;
	if (req->status == LC_STORE_OK && req->got == req->size && !hash_iov(&all, 1, req->etag))
		failed(dir, req, "check it");
}

void lc_file_head(const struct lc_file_dir *dir, struct lc_store_req *req)
{
	int fd = open_object(dir, req);

	if (fd < 0)
		return;
	if (hash_fd(fd, req->etag))
		lc_store_set_ok(req);
	else
		failed(dir, req, "read it");
	close(fd);
}

void lc_file_delete(const struct lc_file_dir *dir, struct lc_store_req *req)
{
	int fd = lock(dir, LOCK_SH);

	if (fd < 0 || (unlinkat(dir->fd, req->key, 0) && errno != ENOENT && errno != ENOTDIR)) {
		failed(dir, req, "delete it");
	} else if (!sync_dirs(dir, req->key) && errno != ENOENT && errno != ENOTDIR) {
		failed(dir, req, "make that durable");
		req->status = LC_STORE_UNKNOWN;
	} else {
		lc_store_set_ok(req);
	}
	if (fd >= 0)
		close(fd);
}
