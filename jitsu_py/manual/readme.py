"""The parts of README.md made from the command tree: between `<!-- NAME -->` and `<!-- /NAME -->`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.tree import Node


def filled(text: str, tree: Node, exit_codes: Mapping[int, str]) -> str:
    """The text of README.md with its generated parts as they should be.

    Raises:
        ValueError: the text has no place for one.
    """
    for name, part in {"commands": _commands(tree), "exit-codes": _exit_codes(exit_codes)}.items():
        parts = re.split(rf"(<!-- {name}[^>]*-->\n).*?(<!-- /{name} -->)", text, flags=re.DOTALL)
        if len(parts) != 4:
            raise ValueError(f"README.md should have <!-- {name} --> and <!-- /{name} --> once")
        text = "".join([*parts[:2], part, "\n", *parts[2:]])
    return text


def _commands(tree: Node) -> str:
    rows = [_row(node) for node in tree.verbs]
    return "\n".join(["| command | other names | does |", "| --- | --- | --- |", *rows])


def _row(node: Node) -> str:
    verbs = " · ".join(verb.name for verb in node.verbs)
    command = f"`jitsu {node.name}`" + (f" {verbs}" if verbs else "")
    return f"| {command} | {' '.join(f'`{alias}`' for alias in node.aliases)} | {node.summary} |"


def _exit_codes(exit_codes: Mapping[int, str]) -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in exit_codes.items()]
    return "\n".join(["| code | means |", "| --- | --- |", *rows])
