# SPDX-License-Identifier: GPL-2.0
#
# Reads TAP or KTAP, also nested, and prints one line per result that has no
# results of its own below it: "pass|fail|skip TAB description".
#
# A parent's line comes after those of its children, further to the left. So a
# result is a parent if something deeper was seen since the last one at its depth.
# A parent that failed though no child did is a result after all.

{ sub(/\r$/, ""); sub(/^\[ *[0-9.]+\] /, "") }

# Which file or suite the results belong to.
/^ *# (Subtest|selftests: [^:]*): / { group = $0; sub(/.*: /, "", group) }

/^ *(not )?ok( |$)/ {
	match($0, /^ */)
	depth = RLENGTH
	line = substr($0, depth + 1)
	bad = line ~ /^not ok/
	sub(/^(not )?ok *[0-9]* *(- )?/, "", line)
	skip = line ~ /# *(SKIP|skip|TODO)/
	# "# duration", "# SKIP reason": what follows is about the result, not its name.
	name = line
	sub(/ *# *SKIP *$/, "", name)
	if (sub(/ *# *SKIP */, " (", name))
		name = name ")"

	parent = 0; bad_below = 0
	for (d in seen)
		if (d + 0 > depth) {
			if (seen[d]) parent = 1
			if (failed[d]) bad_below = 1
			delete seen[d]; delete failed[d]
		}
	seen[depth] = 1
	if (bad) failed[depth] = 1
	if (parent && !(bad && !bad_below))
		next
	if (group != "" && index(name, group) != 1)
		name = group ": " name
	printf "%s\t%s\n", skip ? "skip" : bad ? "fail" : "pass", name
}

/^ *Bail out!/ { print "fail\t" $0 }
