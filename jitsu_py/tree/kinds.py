"""What a word on the command line can be completed to.

A kind is `free` (nothing), `files`, `dirs`, `one-of:A|B`, or one of `DYNAMIC`, whose words are asked for.
"""

from __future__ import annotations

import click

DYNAMIC = ("apps", "snapshots", "tokens", "databases", "profiles")
"""Kinds whose words `jitsu completion SHELL --names KIND` prints."""

ARGUMENTS = {
    "app": "apps",
    "snapshot": "snapshots",
    "logs words": "apps",
    "env words": "apps",
    "apps words": "apps",
    "scale words": "apps",
    "cloud words": "apps",
    "tokens words": "tokens",
    "databases name": "databases",
    "databases kind": "one-of:redis|mongo|couch|mongohq|redistogo",
    "databases source": "files",
    "attach": "apps",
    "profile": "profiles",
    "folder": "dirs",
    "other": "dirs",
    "release": "one-of:patch|minor|major|build",
}
"""Kinds by the parameter's name, or by its command's first word and the parameter's name."""


def of(path: str, param: click.Parameter) -> str:
    """The kind of a parameter's words.

    Args:
        path: of its command, "apps list".
    """
    if isinstance(param.type, click.Choice):
        return one_of(param.type.choices)
    name = param.name or ""
    group = path.partition(" ")[0]
    named = ARGUMENTS.get(f"{group} {name}") or ARGUMENTS.get(name) or _known(name)
    if named:
        return named
    if isinstance(param.type, click.Path | click.File) or param.metavar == "FILE":
        return "files"
    return "free"


def one_of(words: object) -> str:
    """The kind of a word that is one of these."""
    assert isinstance(words, list | tuple)
    return "one-of:" + "|".join(map(str, words))


def _known(name: str) -> str:
    """Words that are in the package itself."""
    if name == "key":
        from jitsu_py.settings.keys import KEYS

        return one_of(list(KEYS))
    if name == "starter":
        from jitsu_py import starters

        return one_of([one.name for one in starters.known()])
    return ""
