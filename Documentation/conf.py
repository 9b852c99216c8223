# SPDX-License-Identifier: GPL-2.0-only
"""
Sphinx configuration. Build with

	sphinx-build -W -b html Documentation build/doc

What the module prints and parses is compared with the administrator's guide,
so with -W an option, a status key or a message without documentation fails
the build, and so does a default that has changed.
"""
import pathlib
import re

from sphinx.util import logging

project = "dm-logcache"
author = "dm-logcache developers"
copyright = "dm-logcache developers"
master_doc = "index"
exclude_patterns = []
html_theme = "alabaster"
html_theme_options = {"nosidebar": False, "page_width": "1100px"}
html_show_copyright = False
pygments_style = "none"
highlight_language = "none"
smartquotes = False

HERE = pathlib.Path(__file__).resolve().parent
KERNEL = HERE.parent / "kernel"
GUIDE = HERE / "admin-guide" / "dm-logcache.rst"


def options():
    """Rows of the option table: name, default as a word or a number, live."""
    text = (KERNEL / "args.c").read_text()
    text = text[text.index("lc_opts[LC_ARGS_NR] ="):]
    row = re.compile(r"OPT_(WORD|NUM)\((\w+), ([^\"]*?), (true|false),\s*\"", re.S)
    for kind, name, middle, live in row.findall(text):
        value = middle.split(",")[-1].strip()
        if "switch_words" in middle:
            value = "on" if value == "1" else "off"
        yield name, re.sub(r"^LC_[A-Z]+_", "", value).lower(), live == "true"


def status_keys():
    text = (KERNEL / "message.c").read_text()
    info = text[text.index("static void lc_status_info"):text.index("static void lc_status_table")]
    for line in re.findall(r'DMEMIT\("([^"]*)"', info):
        yield from re.findall(r"(?<!%)\b(\w+) %", line)
    yield from re.findall(r'X\(\w+, "(\w+)"\)', (KERNEL / "stats.h").read_text())


def messages():
    text = (KERNEL / "message.c").read_text()
    return re.findall(r'strcmp\(argv\[0\], "(\w+)"\)', text)


def missing():
    """One line for each thing the guide does not say."""
    guide = GUIDE.read_text()
    for name, default, live in options():
        found = re.search(r"\* - ``%s``\n +- .*\n +- (.*)\n +- (.*)\n" % name, guide)
        if not found:
            yield "option %s is not in the table" % name
        elif found.groups() != (default, "yes" if live else "no"):
            yield "option %s: the table says %s, the code %s" % (
                name, found.groups(), (default, live))
    for key in status_keys():
        if "* - ``%s``\n" % key not in guide:
            yield "status key %s" % key
    for word in messages():
        if "\n``%s" % word not in guide:
            yield "message %s" % word


def compare(app):
    for line in missing():
        logging.getLogger(__name__).warning("%s: %s", GUIDE.name, line)


def setup(app):
    app.connect("builder-inited", compare)
    return {"parallel_read_safe": True}
