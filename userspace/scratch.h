/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory for what is needed while a command runs: object maps. */
#ifndef CTL_SCRATCH_H
#define CTL_SCRATCH_H

/* Below $TMPDIR or /var/tmp. NULL, after a complaint. */
char *scratch_new(void);
/* With all that is in it, and @dir. */
void scratch_remove(char *dir);

#endif /* CTL_SCRATCH_H */
