// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text as a table line and as a `set` message: what is refused changes
 * nothing and gives a reason, what is accepted is printed and read back.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "args.h"

#define WORDS_MAX	64

static void must(bool cond)
{
	if (!cond)
		abort();
}

static unsigned int split(char *text, char **argv)
{
	unsigned int argc = 0;
	char *word;

	while (argc < WORDS_MAX && (word = strsep(&text, " \n")))
		if (*word)
			argv[argc++] = word;
	return argc;
}

static bool in_range(const struct lc_args *args)
{
	unsigned int i;

	for (i = 0; i < LC_ARGS_NR; i++) {
		const struct lc_opt *opt = &lc_opts[i];
		u32 n, v = *(const u32 *)((const char *)args + opt->offset);

		if (!opt->words && (v < opt->min || v > opt->max))
			return false;
		for (n = 0; opt->words && n <= v; n++)
			if (!opt->words[n])
				return false;
	}
	return args->low_watermark < args->high_watermark &&
	       args->dirty_start < args->dirty_throttle &&
	       args->dirty_throttle < args->dirty_limit;
}

static void comes_back(const struct lc_args *args)
{
	char text[LC_ARGS_TEXT_MAX], why[LC_ARGS_WHY_MAX];
	char *argv[WORDS_MAX];
	struct lc_args again;
	unsigned int words;

	must(in_range(args));
	must(lc_args_emit(args, text, sizeof(text), &words) < sizeof(text));
	must(split(text, argv) == words);
	must(!lc_args_parse(&again, words, argv, why, sizeof(why)));
	must(lc_args_equal(args, &again));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char why[LC_ARGS_WHY_MAX];
	struct lc_args args, before;
	char *argv[WORDS_MAX];
	unsigned int argc;
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	argc = split(text, argv);

	lc_args_default(&args);
	before = args;
	why[0] = '\0';
	if (lc_args_parse(&args, argc, argv, why, sizeof(why)))
		must(why[0] && lc_args_equal(&args, &before));
	else
		comes_back(&args);

	before = args;
	if (argc >= 2 && lc_args_set(&args, argv[0], argv[1], argc & 1, why, sizeof(why)))
		must(why[0] && lc_args_equal(&args, &before));
	comes_back(&args);
	free(text);
	return 0;
}
