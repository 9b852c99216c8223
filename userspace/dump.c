// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump: what is on a cache device, for a person who wants to know.
 *
 * With --lba the versions of some sectors, newest first, in the order in which
 * recovery lays them over each other; the first that is believed counts.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "recover.h"

struct dump {
	struct image img;
	struct recovery rec;
	struct findings findings;
	bool json;
};

/* One version of a range of sectors. */
struct version {
	const struct source *src;
	struct lc_ent ent;
	u64 lsn;
	bool believed;
};

static const char *op_name(u8 op)
{
	static const char * const names[] = {
		[LC_OP_WRITE] = "write", [LC_OP_ZERO] = "zero", [LC_OP_DISCARD] = "discard",
		[LC_OP_INVAL] = "inval", [LC_OP_FENCE] = "fence", [LC_OP_COPY] = "copy",
	};

	return op < ARRAY_SIZE(names) && names[op] ? names[op] : "?";
}

static const char *source_state(const struct source *src)
{
	if (src->type == LC_SEG_FILL)
		return "fill";
	if (src->tail)
		return src->dirty ? "tail, dirty" : "tail";
	return src->dirty ? "log, dirty" : "log";
}

static void json_set_seg(json_t *o, const char *key, u32 seg)
{
	if (seg == LC_SEG_NONE)
		json_object_set_new(o, key, json_null());
	else
		json_set_u64(o, key, seg);
}

/*----------------------------------------------------------------
 * Superblock and checkpoint
 *----------------------------------------------------------------
 */

static json_t *json_super(const struct lc_geo *g)
{
	json_t *o = json_object();
	char uuid[UUID_TEXT];

	json_set_str(o, "uuid", uuid_text(uuid, g->uuid));
	json_set_u64(o, "version", LC_FORMAT_VERSION);
	json_set_u64(o, "created", g->created);
	json_set_str(o, "origin_id", g->origin_id);
	json_set_u64(o, "cache_sectors", g->cache_sectors);
	json_set_u64(o, "origin_sectors", g->origin_sectors);
	json_set_u64(o, "segment_blocks", g->seg_blocks);
	json_set_u64(o, "segments", g->nr_segs);
	json_set_u64(o, "checkpoint_start", g->ckpt_start);
	json_set_u64(o, "checkpoint_blocks", g->ckpt_blocks);
	json_set_u64(o, "slot_start", g->slot_start);
	json_set_u64(o, "slot_blocks", g->slot_blocks);
	json_set_u64(o, "slot_entries", g->slot_entries);
	json_set_u64(o, "data_start", g->data_start);
	return o;
}

static json_t *json_ckpt(const struct image *img)
{
	const struct lc_ckpt_info *ck = &img->ckpt;
	json_t *o = json_object(), *open = json_array();
	unsigned int i;

	json_set_u64(o, "slot", img->ckpt_slot);
	json_set_u64(o, "number", ck->ckpt_seq);
	json_set_u64(o, "epoch", ck->epoch);
	json_object_set_new(o, "clean_stop", json_boolean(ck->flags & LC_CKPT_CLEAN));
	json_set_u64(o, "next_seq", ck->next_seq);
	json_set_u64(o, "clean_lsn", ck->clean_lsn);
	json_set_u64(o, "begin_lsn", ck->begin_lsn);
	json_set_u64(o, "floor_lsn", ck->floor_lsn);
	json_set_seg(o, "log_segment", ck->log_seg);
	json_set_u64(o, "log_seq", ck->log_seq);
	json_set_u64(o, "log_lsn", ck->log_lsn);
	json_set_u64(o, "log_chain", ck->log_chain);
	json_set_u64(o, "origin_sectors", ck->origin_sectors);
	for (i = 0; i < LC_CKPT_OPEN; i++)
		if (ck->open_seq[i])
			json_array_append_new(open, json_integer(ck->open_seq[i]));
	json_object_set_new(o, "open_seq", open);
	return o;
}

static void print_super(const struct lc_geo *g)
{
	char uuid[UUID_TEXT], a[SIZE_TEXT], b[SIZE_TEXT], when[32] = "?";
	time_t created = g->created;
	struct tm tm;

	if (localtime_r(&created, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("superblock\n"
	       "  uuid         %s\n"
	       "  formatted    %s, version %u\n"
	       "  cache        %llu sectors (%s)\n"
	       "  origin       %llu sectors (%s) %s\n"
	       "  checkpoints  blocks %u and %u, %u blocks each\n"
	       "  summaries    block %u, %u blocks and %u entries each\n"
	       "  segments     block %llu, %u of %u blocks\n",
	       uuid_text(uuid, g->uuid), when, LC_FORMAT_VERSION,
	       g->cache_sectors, size_text(a, g->cache_sectors << LC_SECTOR_SHIFT),
	       g->origin_sectors, size_text(b, g->origin_sectors << LC_SECTOR_SHIFT), g->origin_id,
	       g->ckpt_start, g->ckpt_start + g->ckpt_blocks, g->ckpt_blocks,
	       g->slot_start, g->slot_blocks, g->slot_entries,
	       g->data_start, g->nr_segs, g->seg_blocks);
}

static const char *seg_text(char *buf, size_t len, u32 seg)
{
	if (seg == LC_SEG_NONE)
		snprintf(buf, len, "none");
	else
		snprintf(buf, len, "%u", seg);
	return buf;
}

static void print_ckpt(const struct image *img)
{
	const struct lc_ckpt_info *ck = &img->ckpt;
	char seg[16];

	printf("checkpoint %llu (slot %u)\n"
	       "  epoch        %llu, %s\n"
	       "  next seq     %llu\n"
	       "  clean LSN    %llu\n"
	       "  copied       segments up to LSN %llu; whole from LSN %llu\n"
	       "  log          segment %s, seq %llu, LSN %llu, chain %08x\n"
	       "  volume       %llu sectors\n",
	       ck->ckpt_seq, img->ckpt_slot, ck->epoch,
	       ck->flags & LC_CKPT_CLEAN ? "stopped in order" : "stopped without notice, or in use",
	       ck->next_seq, ck->clean_lsn, ck->begin_lsn, ck->floor_lsn,
	       seg_text(seg, sizeof(seg), ck->log_seg), ck->log_seq, ck->log_lsn, ck->log_chain,
	       ck->origin_sectors);
}

/*----------------------------------------------------------------
 * Segments
 *----------------------------------------------------------------
 */

static u32 count_intact(const struct image *img, const struct source *src)
{
	u32 b, n = 0;

	for (b = 0; b < img->geo.seg_blocks; b++)
		n += image_intact(img, src->seg, src->seq, b);
	return n;
}

static u32 count_entries(const struct dump *d, const struct source *src)
{
	return src->tail ? src->end_lsn - src->first_lsn : d->img.slots[src->seg].info.nr_entries;
}

static json_t *json_source(const struct dump *d, const struct source *src)
{
	json_t *o = json_object();

	json_set_u64(o, "segment", src->seg);
	json_set_str(o, "state", source_state(src));
	json_set_u64(o, "seq", src->seq);
	json_set_u64(o, "first_lsn", src->first_lsn);
	json_set_u64(o, "end_lsn", src->end_lsn);
	json_set_u64(o, "entries", count_entries(d, src));
	json_set_u64(o, "intact_blocks", count_intact(&d->img, src));
	return o;
}

static void print_sources(const struct dump *d)
{
	u32 i;

	printf("segments, oldest contents first (%u others are empty)\n"
	       "  %8s  %-12s %12s %16s %16s %8s %8s\n", d->img.geo.nr_segs - d->rec.nr_sources,
	       "segment", "state", "seq", "first LSN", "end LSN", "entries", "intact");
	for (i = 0; i < d->rec.nr_sources; i++) {
		const struct source *s = &d->rec.sources[i];

		printf("  %8u  %-12s %12llu %16llu %16llu %8u %8u\n",
		       s->seg, source_state(s), s->seq, s->first_lsn, s->end_lsn,
		       count_entries(d, s), count_intact(&d->img, s));
	}
}

static void print_log(const struct dump *d)
{
	printf("log\n"
	       "  clean below  LSN %llu\n"
	       "  ends at      LSN %llu", d->rec.clean_lsn, d->rec.tail_lsn);
	if (d->rec.end_seg != LC_SEG_NONE)
		printf(", segment %u block %u", d->rec.end_seg, d->rec.end_at);
	printf(": %s\n"
	       "  tail         %u records\n", d->rec.end_why, d->rec.nr_counted);
}

static void dump_all(struct dump *d)
{
	json_t *o, *list;
	u32 i;

	if (!d->json) {
		print_super(&d->img.geo);
		print_ckpt(&d->img);
		print_log(d);
		print_sources(d);
		return;
	}
	o = json_object();
	list = json_array();
	json_set_str(o, "device", d->img.dev.path);
	json_object_set_new(o, "superblock", json_super(&d->img.geo));
	json_object_set_new(o, "checkpoint", json_ckpt(&d->img));
	json_set_u64(o, "clean_lsn", d->rec.clean_lsn);
	json_set_u64(o, "end_lsn", d->rec.tail_lsn);
	for (i = 0; i < d->rec.nr_sources; i++)
		json_array_append_new(list, json_source(d, &d->rec.sources[i]));
	json_object_set_new(o, "segments", list);
	json_object_set_new(o, "findings", json_incref(d->findings.list));
	json_print(o);
}

/*----------------------------------------------------------------
 * Versions of a sector
 *----------------------------------------------------------------
 */

static void json_version(json_t *list, const struct dump *d, const struct version *v)
{
	json_t *o = json_object();

	json_set_u64(o, "lba", v->ent.lba);
	json_set_u64(o, "sectors", v->ent.len);
	json_set_str(o, "op", op_name(v->ent.op));
	json_set_u64(o, "lsn", v->lsn);
	json_object_set_new(o, "dirty", json_boolean(v->src->dirty && v->lsn >= d->rec.clean_lsn));
	json_object_set_new(o, "believed", json_boolean(v->believed));
	json_set_u64(o, "segment", v->src->seg);
	json_set_u64(o, "seq", v->src->seq);
	json_set_str(o, "state", source_state(v->src));
	if (op_has_payload(v->ent.op)) {
		u64 loc = lc_geo_loc(&d->img.geo, v->src->seg, v->ent.pos);

		json_set_u64(o, "cache_sector", lc_geo_sector(&d->img.geo, loc));
	}
	json_array_append_new(list, o);
}

static void print_version(const struct dump *d, const struct version *v)
{
	bool dirty = v->src->dirty && v->lsn >= d->rec.clean_lsn;

	printf("  %llu+%u  %s, %s%llu, %s, segment %u", v->ent.lba, v->ent.len, op_name(v->ent.op),
	       v->src->type == LC_SEG_FILL ? "as of LSN " : "LSN ", v->lsn,
	       dirty ? "dirty" : "clean", v->src->seg);
	if (op_has_payload(v->ent.op))
		printf(", cache sector %llu",
		       lc_geo_sector(&d->img.geo,
				     lc_geo_loc(&d->img.geo, v->src->seg, v->ent.pos)));
	printf("%s%s\n", v->src->tail ? ", not sealed" : "",
	       v->believed ? "" : ", superseded before the checkpoint");
}

/* Cut @e down to [lba, end); false if nothing is left. */
static bool clip(struct lc_ent *e, u64 lba, u64 end)
{
	u64 from = e->lba > lba ? e->lba : lba;
	u64 to = e->lba + e->len < end ? e->lba + e->len : end;

	if (from >= to)
		return false;
	if (op_has_payload(e->op))
		e->pos += from - e->lba;
	e->lba = from;
	e->len = to - from;
	return true;
}

static void dump_source(const struct dump *d, const struct source *src, u64 lba, u64 end,
			json_t *list)
{
	struct contents c;
	u32 i, from, len;

	if (!contents_load(&d->img, &d->rec, src, &c))
		return;
	for (i = c.nr_ents; i--; ) {
		struct version v = { .src = src, .ent = c.ents[i] };

		if (!clip(&v.ent, lba, end))
			continue;
		v.lsn = src->type == LC_SEG_LOG ? source_lsn(src, i) : src->first_lsn;
		from = 0;
		v.believed = source_part(&d->img, src, &v.ent, &from, &len);
		if (list)
			json_version(list, d, &v);
		else
			print_version(d, &v);
	}
	contents_free(&c);
}

static void dump_lba(struct dump *d, u64 lba, u64 count)
{
	json_t *list = d->json ? json_array() : NULL, *o;
	u32 i;

	if (!d->json)
		printf("sector %llu to %llu, newest version first:\n", lba, lba + count - 1);
	for (i = d->rec.nr_sources; i--; )
		dump_source(d, &d->rec.sources[i], lba, lba + count, list);
	if (!d->json)
		return;
	o = json_object();
	json_set_str(o, "device", d->img.dev.path);
	json_set_u64(o, "lba", lba);
	json_set_u64(o, "count", count);
	json_object_set_new(o, "versions", list);
	json_print(o);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

static int parse_range(const struct ctl *ctl, u64 *lba, u64 *count)
{
	const char *l = ctl_get(ctl, "lba"), *n = ctl_get(ctl, "count");

	*count = 1;
	if (n && !l)
		return ctl_error(CTL_USAGE, "dump: --count needs --lba");
	if (l && (!parse_u64(l, lba) || *lba > LC_ENTRY_LBA_MASK))
		return ctl_error(CTL_USAGE, "dump: --lba is a sector number, not '%s'", l);
	if (n && (!parse_u64(n, count) || !*count || *count > LC_ENTRY_LBA_MASK))
		return ctl_error(CTL_USAGE, "dump: --count is a number of sectors, not '%s'", n);
	return CTL_OK;
}

int cmd_dump(const struct ctl *ctl)
{
	struct dump d = { .json = ctl_has(ctl, "json") };
	u64 lba = 0, count;
	struct device dev;
	int ret;

	ret = parse_range(ctl, &lba, &count);
	if (ret)
		return ret;
	if (!device_open(&dev, ctl_get(ctl, "cache"),
			 ctl_has(ctl, "force") ? DEVICE_LOOK : DEVICE_READ))
		return CTL_FAILED;
	d.findings.device = dev.path;
	d.findings.list = json_array();

	if (image_load(&d.img, &dev, &d.findings)) {
		recover(&d.img, &d.rec);
		if (ctl_has(ctl, "lba"))
			dump_lba(&d, lba, count);
		else
			dump_all(&d);
	} else {
		size_t last = json_array_size(d.findings.list) - 1;
		json_t *why = json_array_get(d.findings.list, last);

		ret = ctl_error(CTL_FAILED, "%s: %s; %s", dev.path,
				json_string_value(json_object_get(why, "what")),
				json_string_value(json_object_get(why, "advice")));
	}
	json_decref(d.findings.list);
	recovery_free(&d.rec);
	image_free(&d.img);
	device_close(&dev);
	return ret;
}
