// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcachectl - make, look at and look after dm-logcache volumes.
 *
 * One table dispatches, parses and explains; see struct ctl_cmd.
 */

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ctl.h"
#include "logcached/conf.h"

#define OPT_CACHE	{ "cache", "DEV", "the fast device", .required = true }
#define OPT_JSON	{ "json", NULL, "print JSON" }
#define OPT_FORCE_READ	{ "force", NULL, \
	"look even if the device is in use; what is found may be in motion" }

#define OPT_ENDPOINT	{ "endpoint", "URL", "of the store's server (default: the vendor's own)" }
#define OPT_STORE	{ "store-option", "KEY=VALUE", \
	"option of the store, may be repeated; see below", .repeats = true }
#define OPT_NO_FENCING	{ "no-fencing", NULL, \
	"use a store without conditional PUTs: nothing keeps two hosts apart" }
#define OPT_SEGMENT	{ "segment-size", "SIZE", "1M, 2M (default) or 4M" }
#define OPT_YES		{ "yes", NULL, "do not ask" }
#define OPT_FORCE_WRITE	{ "force", NULL, \
	"overwrite what is there, even dirty data of another cache" }

static const struct ctl_opt format_opts[] = {
	OPT_CACHE,
	{ "origin", "DEV", "the slow device; or s3://BUCKET/PREFIX, file:/DIR, helper:UUID",
	  .required = true },
	OPT_SEGMENT,
	{ "size", "SIZE", "of the volume, unless the origin is a device" },
	OPT_ENDPOINT,
	OPT_STORE,
	OPT_NO_FENCING,
	{ "uuid", "UUID", "of the new volume in the store (default: a new one)" },
	{ "origin-id", "TEXT", "name of the origin to keep in the superblock (default: its path)" },
	OPT_YES,
	OPT_FORCE_WRITE,
	{}
};

static const struct ctl_opt create_opts[] = {
	OPT_CACHE,
	{ "origin", "DEV", "the slow device; may be left out if the volume is in a store" },
	{ "size", "SIZE", "of the volume, if it has grown since format (unless it is a device)" },
	{ "option", "KEY=VALUE", "option of the target, may be repeated; see below",
	  .repeats = true },
	{ "noudevsync", NULL, "do not wait for udev" },
	{}
};

static const struct ctl_opt remove_opts[] = {
	{ "flush", NULL, "write everything back to the origin first" },
	{ "noudevsync", NULL, "do not wait for udev" },
	{}
};

static const struct ctl_opt json_opts[] = {
	OPT_JSON,
	{}
};

static const struct ctl_opt no_opts[] = { {} };

static const struct ctl_opt flush_opts[] = {
	{ "timeout", "SECONDS", "give up after so long; writeback goes on (default: never)" },
	{}
};

static const struct ctl_opt scrub_opts[] = {
	{ "stop", NULL, "end one that runs" },
	{ "background", NULL, "do not wait" },
	{}
};

static const struct ctl_opt check_opts[] = {
	OPT_CACHE,
	OPT_JSON,
	OPT_FORCE_READ,
	{}
};

static const struct ctl_opt dump_opts[] = {
	OPT_CACHE,
	{ "lba", "SECTOR", "all versions of this sector, newest first" },
	{ "count", "SECTORS", "so many sectors from --lba (default: 1)" },
	OPT_JSON,
	OPT_FORCE_READ,
	{}
};

static const struct ctl_opt volumes_opts[] = {
	{ "origin", "URL", "s3://BUCKET/PREFIX, file:/DIR", .required = true },
	OPT_ENDPOINT,
	OPT_STORE,
	OPT_JSON,
	{}
};

#define OPT_VOLUME	{ "volume", "UUID", "of the volume", .required = true }
#define OPT_WHERE	{ "origin", "URL", "where it is (default: as written down on this host)" }

static const struct ctl_opt recover_opts[] = {
	OPT_CACHE,
	OPT_VOLUME,
	OPT_WHERE,
	OPT_SEGMENT,
	OPT_ENDPOINT,
	OPT_STORE,
	OPT_NO_FENCING,
	OPT_YES,
	OPT_FORCE_WRITE,
	{}
};

static const struct ctl_opt verify_bucket_opts[] = {
	OPT_VOLUME,
	OPT_WHERE,
	OPT_ENDPOINT,
	OPT_STORE,
	{ "list", NULL, "every object" },
	OPT_JSON,
	{}
};

static const struct ctl_opt delete_opts[] = {
	OPT_VOLUME,
	OPT_WHERE,
	OPT_ENDPOINT,
	OPT_STORE,
	OPT_NO_FENCING,
	OPT_YES,
	{ "force", NULL, "even if another cache wrote it last, or its manifest is damaged" },
	{}
};

#define OPT_OFFLINE	{ "offline", NULL, "without logcached, of a volume that runs nowhere" }
#define OPT_NO_FLUSH	{ "no-flush", NULL, "as it is in the store: upload nothing first" }
#define OPT_TIMEOUT	{ "timeout", "SECONDS", "for what is uploaded first (default: none)" }

static const struct ctl_opt snapshot_opts[] = {
	OPT_NO_FLUSH,
	OPT_TIMEOUT,
	OPT_OFFLINE,
	{}
};

static const struct ctl_opt offline_opts[] = {
	OPT_OFFLINE,
	{}
};

static const struct ctl_opt rollback_opts[] = {
	{ "cache", "DEV", "its new cache, if it does not run; what is on it is lost" },
	OPT_SEGMENT,
	OPT_OFFLINE,
	OPT_YES,
	{ "force", NULL, "even if it is open; overwrite what is on the cache, even dirty data" },
	{}
};

static const struct ctl_opt clone_opts[] = {
	{ "snapshot", "NAME", "of this state (default: as the volume is now)" },
	{ "cache", "DEV", "make this device its cache; what is on it is lost" },
	OPT_SEGMENT,
	OPT_NO_FLUSH,
	OPT_TIMEOUT,
	OPT_OFFLINE,
	OPT_YES,
	OPT_FORCE_WRITE,
	{}
};

static const struct ctl_opt repair_opts[] = {
	OPT_CACHE,
	{ "yes", NULL, "do not ask" },
	{}
};

static const struct ctl_cmd commands[] = {
	{ "format", "", "make a device a cache; what is on it is lost",
	  cmd_format, 0, 0, format_opts, help_store_options },
	{ "create", "NAME", "start a cached volume as /dev/mapper/NAME",
	  cmd_create, 1, 1, create_opts, help_target_options },
	{ "remove", "NAME", "stop a volume; what is dirty stays in the cache",
	  cmd_remove, 1, 1, remove_opts },
	{ "list", "", "the volumes that run",
	  cmd_list, 0, 0, json_opts },
	{ "status", "[NAME]", "what a volume, or every volume, is doing",
	  cmd_status, 0, 1, json_opts },
	{ "set", "NAME KEY VALUE", "change an option of a volume that runs",
	  cmd_set, 3, 3, no_opts, help_target_options },
	{ "flush", "NAME", "write everything back to the origin, and wait for it",
	  cmd_flush, 1, 1, flush_opts },
	{ "drain", "NAME", "flush, and keep the cache clean from then on",
	  cmd_drain, 1, 1, flush_opts },
	{ "scrub", "NAME", "verify all that a running volume has cached, and wait for it",
	  cmd_scrub, 1, 1, scrub_opts },
	{ "query", "NAME SECTOR", "what a running volume holds for a sector",
	  cmd_query, 2, 2, no_opts },
	{ "check", "", "verify a cache device that is not in use; changes nothing",
	  cmd_check, 0, 0, check_opts },
	{ "dump", "", "show what is on a cache device that is not in use",
	  cmd_dump, 0, 0, dump_opts },
	{ "volumes", "", "the volumes in a store",
	  cmd_volumes, 0, 0, volumes_opts, help_store_options },
	{ "recover", "", "give a volume in a store a new, empty cache",
	  cmd_recover, 0, 0, recover_opts, help_recover },
	{ "verify-bucket", "", "verify all objects of a volume in a store; changes nothing",
	  cmd_verify_bucket, 0, 0, verify_bucket_opts, help_store_options },
	{ "snapshot", "VOL NAME", "keep the volume in a store as it is now",
	  cmd_snapshot, 2, 2, snapshot_opts, help_snapshot },
	{ "snapshots", "VOL", "the snapshots and clones of a volume in a store",
	  cmd_snapshots, 1, 1, json_opts },
	{ "snapshot-delete", "VOL NAME", "do not keep it any longer",
	  cmd_snapshot_delete, 2, 2, offline_opts, help_offline },
	{ "metrics", "", "what logcached counts, for Prometheus",
	  cmd_metrics, 0, 0, no_opts },
	{ "grow", "VOL SIZE", "make a volume in a store larger, while it is used",
	  cmd_grow, 2, 2, offline_opts, help_grow },
	{ "delete", "", "remove a volume from its store, for good",
	  cmd_delete, 0, 0, delete_opts, help_delete },
	{ "limits", "", "how much volumes in stores may send and fetch a second",
	  cmd_limits, 0, 0, json_opts },
	{ "limit", "OF KEY VALUE", "change that, at once",
	  cmd_limit, 3, 3, no_opts, help_limit },
	{ "rollback", "VOL NAME", "make a volume in a store what the snapshot is",
	  cmd_rollback, 2, 2, rollback_opts, help_rollback },
	{ "clone", "VOL", "a new volume that begins as this one and shares its objects",
	  cmd_clone, 1, 1, clone_opts, help_clone },
	{ "clone-gone", "VOL UUID", "the clone was deleted: do not keep objects for it",
	  cmd_clone_gone, 2, 2, offline_opts, help_clone_gone },
	{ "repair", "", "make a cache start whose log is damaged, with what is before that",
	  cmd_repair, 0, 0, repair_opts },
};

/*----------------------------------------------------------------
 * Help
 *----------------------------------------------------------------
 */

static void program_help(FILE *out)
{
	unsigned int i;

	fputs("Usage: logcachectl COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n", out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].brief);
	fputs("\nlogcachectl COMMAND --help explains a command.\n"
	      "Exit status: 0 done, 1 failed (check, verify-bucket: faults found), 2 bad usage (cannot check).\n",
	      out);
}

static void opt_help(FILE *out, const struct ctl_opt *opt)
{
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", opt->name, opt->arg ? " " : "", opt->arg ?: "");
	fprintf(out, "  %-25s %s%s\n", left, opt->help, opt->required ? " (required)" : "");
}

static void command_help(const struct ctl_cmd *cmd, FILE *out)
{
	const struct ctl_opt *opt;

	fprintf(out, "Usage: logcachectl %s%s%s%s\n  %s\n", cmd->name,
		cmd->opts->name ? " [OPTION...]" : "", *cmd->synopsis ? " " : "", cmd->synopsis,
		cmd->brief);
	if (cmd->opts->name)
		fputs("\nOptions:\n", out);
	for (opt = cmd->opts; opt->name; opt++)
		opt_help(out, opt);
	if (cmd->more_help)
		cmd->more_help(out);
}

void help_target_options(FILE *out)
{
	char range[64], def[32];
	struct lc_args args;
	unsigned int i;

	lc_args_default(&args);
	fputs("\nOptions of the target (* may be set while the volume runs):\n", out);
	for (i = 0; i < LC_ARGS_NR; i++) {
		lc_opt_range(&lc_opts[i], range, sizeof(range));
		lc_opt_value(&lc_opts[i], &args, def, sizeof(def));
		fprintf(out, "  %-18s%c %s\n  %20s %s, default %s\n", lc_opts[i].name,
			lc_opts[i].live ? '*' : ' ', lc_opts[i].help, "", range, def);
	}
}

void help_store_options(FILE *out)
{
	const char *name, *help;
	unsigned int i;

	fputs("\nOptions of the store, kept in " LC_CONF_DIR "/UUID" LC_CONF_SUFFIX ":\n", out);
	for (i = 0; (name = lc_store_cfg_option(i, &help)); i++)
		if (strcmp(name, "endpoint"))
			fprintf(out, "  %-19s %s\n", name, help);
	for (i = 0; (name = lc_conf_option(i, &help)); i++)
		if (strcmp(name, "url") && strcmp(name, "cache") && strcmp(name, "no_fencing"))
			fprintf(out, "  %-19s %s\n", name, help);
	fputs("Keys are never given here: put access_key = ... and secret_key = ... into a file\n"
	      "of root's (chmod 600) and say key_file=FILE; see credentials in the manual page.\n",
	      out);
}

/*----------------------------------------------------------------
 * The command line
 *----------------------------------------------------------------
 */

const char *ctl_get(const struct ctl *ctl, const char *name)
{
	unsigned int i;

	for (i = 0; i < ctl->nr_values; i++)
		if (!strcmp(ctl->values[i].opt->name, name))
			return ctl->values[i].value;
	return NULL;
}

static const struct ctl_cmd *find_command(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int bad_usage(const struct ctl_cmd *cmd, const char *what, const char *name)
{
	return ctl_error(CTL_USAGE, "%s: %s%s; see logcachectl %s --help", cmd->name, what, name,
			 cmd->name);
}

static int take_value(struct ctl *ctl, const struct ctl_opt *opt, const char *value)
{
	if (!opt->repeats && ctl_has(ctl, opt->name))
		return bad_usage(ctl->cmd, "given twice: --", opt->name);
	if (ctl->nr_values == CTL_VALUES_MAX)
		return bad_usage(ctl->cmd, "too many options", "");
	ctl->values[ctl->nr_values].opt = opt;
	ctl->values[ctl->nr_values++].value = value ?: "";
	return CTL_OK;
}

static int check_complete(const struct ctl *ctl)
{
	const struct ctl_opt *opt;

	for (opt = ctl->cmd->opts; opt->name; opt++)
		if (opt->required && !ctl_has(ctl, opt->name))
			return bad_usage(ctl->cmd, "missing: --", opt->name);
	if (ctl->nr_args < ctl->cmd->args_min)
		return bad_usage(ctl->cmd, "missing argument, wanted: ", ctl->cmd->synopsis);
	if (ctl->nr_args > ctl->cmd->args_max)
		return bad_usage(ctl->cmd, "too many arguments, first: ",
				 ctl->args[ctl->cmd->args_max]);
	return CTL_OK;
}

#define MAX_OPTS	16
#define HELP		MAX_OPTS

static void long_options(const struct ctl_cmd *cmd, struct option *longs)
{
	unsigned int i;

	for (i = 0; cmd->opts[i].name; i++)
		longs[i] = (struct option){
			.name = cmd->opts[i].name,
			.has_arg = cmd->opts[i].arg ? required_argument : no_argument,
			.val = i,
		};
	longs[i++] = (struct option){ .name = "help", .val = HELP };
	longs[i] = (struct option){};
}

static int run_command(const struct ctl_cmd *cmd, int argc, char **argv)
{
	struct option longs[MAX_OPTS + 2];
	struct ctl ctl = { .cmd = cmd };
	int c, ret;

	long_options(cmd, longs);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) >= 0) {
		if (c == HELP || c == 'h') {
			command_help(cmd, stdout);
			return CTL_OK;
		}
		if (c == '?')
			return bad_usage(cmd, "unknown option ", argv[optind - 1]);
		if (c == ':')
			return bad_usage(cmd, "needs a value: ", argv[optind - 1]);
		ret = take_value(&ctl, &cmd->opts[c], optarg);
		if (ret)
			return ret;
	}
	ctl.nr_args = argc - optind;
	ctl.args = argv + optind;
	return check_complete(&ctl) ?: cmd->run(&ctl);
}

int main(int argc, char **argv)
{
	const struct ctl_cmd *cmd;
	int status;

	if (argc < 2) {
		program_help(stderr);
		return CTL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		program_help(stdout);
		return CTL_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return ctl_error(CTL_USAGE, "there is no command '%s'; see logcachectl --help",
				 argv[1]);
	status = run_command(cmd, argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout))
		return ctl_error(CTL_FAILED, "cannot write the output");
	return status;
}
