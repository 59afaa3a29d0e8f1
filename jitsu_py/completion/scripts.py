"""The shells' scripts: an engine by hand, which walks the words, and the command tree as its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jitsu_py.tree import Argument, Flag, Node

FILES = {"bash": "jitsu.bash", "zsh": "_jitsu", "fish": "jitsu.fish"}
"""The script of each shell below `completions/`."""

NOTE = "Generated from the command tree by `python -m jitsu_py.manual`: change that, not this."


def script(shell: str, tree: Node) -> str:
    """The completion script of a shell, one of `FILES`."""
    tables: dict[str, Callable[[Node], dict[str, str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    text = (Path(__file__).parent / "engines" / FILES[shell]).read_text(encoding="utf-8")
    for mark, table in {"NOTE": NOTE, **tables[shell](tree)}.items():
        text = text.replace(f"@{mark}@", table)
    return text


def _bash(tree: Node) -> dict[str, str]:
    at = []
    for node in tree.walk():
        lists = {
            "verbs": [verb.name for verb in node.verbs],
            "aliases": _aliases(node),
            "flags": [_taking(name, flag) for flag in _own(node) for name in flag.names],
            "arguments": _arguments(node.arguments),
        }
        sets = " ".join(f"{name}='{' '.join(words)}'" for name, words in lists.items() if words)
        at.append(f"    '{node.path}') {sets} ;;" if sets else "")
    steps = [f"    {'|'.join(froms)}) here='{path}' ;;" for path, froms in _steps(tree)]
    flags = [_taking(name, flag) for flag in tree.flags for name in flag.names]
    return {"AT": _lines(at), "STEP": _lines(steps), "GLOBAL": " ".join(flags)}


def _zsh(tree: Node) -> dict[str, str]:
    at = []
    for node in tree.walk():
        lists = {
            "verbs": [_told(verb.name, verb.summary) for verb in node.verbs],
            "aliases": _aliases(node),
            "flags": [_told(name, flag.summary) for flag in _own(node) for name in _long(flag)],
            "takes": [_taking(name, flag) for flag in _own(node) for name in flag.names if flag.kind],
            "arguments": _arguments(node.arguments),
        }
        sets = [
            f"        {name}=({' '.join(_quoted(word) for word in words)})"
            for name, words in lists.items()
            if words
        ]
        at += [f"    ('{node.path}')", *sets, "        ;;"] if sets else []
    steps = [f"    ({'|'.join(froms)}) here='{path}' ;;" for path, froms in _steps(tree)]
    flags = [_quoted(_told(name, flag.summary)) for flag in tree.flags for name in _long(flag)]
    takes = [_quoted(_taking(name, flag)) for flag in tree.flags for name in flag.names if flag.kind]
    return {
        "AT": _lines(at),
        "STEP": _lines(steps),
        "GLOBAL": _lines(f"        {flag}" for flag in flags),
        "TAKES": _lines(f"        {flag}" for flag in takes),
    }


def _fish(tree: Node) -> dict[str, str]:
    nodes = list(tree.walk())
    verbs = {node.path: [_tab(verb.name, verb.summary) for verb in node.verbs] for node in nodes}
    flags = {
        node.path: [_tab(name, flag.summary) for flag in _own(node) for name in _long(flag)] for node in nodes
    }
    taken = {
        node.path: [_fished(_taking(name, flag)) for flag in _own(node) for name in flag.names if flag.kind]
        for node in nodes
    }
    steps = [f"        case {' '.join(froms)}\n            echo '{path}'" for path, froms in _steps(tree)]
    takes = [_fished(_taking(name, flag)) for flag in tree.flags for name in flag.names if flag.kind]
    return {
        "VERBS": _cases(verbs),
        "ALIASES": _cases({node.path: _aliases(node) for node in nodes}),
        "FLAGS": _cases(flags),
        "GLOBAL": " ".join(_tab(name, flag.summary) for flag in tree.flags for name in _long(flag)),
        "TAKEN": _cases(taken),
        "TAKES": " ".join(takes),
        "ARGUMENTS": _cases(
            {node.path: [_fished(kind) for kind in _arguments(node.arguments)] for node in nodes}
        ),
        "STEP": _lines(steps),
    }


def _cases(lists: dict[str, list[str]]) -> str:
    """Cases of a fish switch that print a list each."""
    return _lines(
        f"        case '{path}'\n            printf '%s\\n' {' '.join(words)}"
        for path, words in lists.items()
        if words
    )


def _steps(tree: Node) -> Iterable[tuple[str, list[str]]]:
    """For each command its path, and the quoted `PATH/WORD` that lead to it."""
    for node in tree.walk():
        for verb in node.verbs:
            yield verb.path, [f"'{node.path}/{word}'" for word in (verb.name, *verb.aliases)]


def _own(node: Node) -> tuple[Flag, ...]:
    """The flags that a command does not share with all others."""
    return node.flags if node.path else ()


def _long(flag: Flag) -> list[str]:
    """The names worth offering."""
    return [name for name in flag.names if name.startswith("--")]


def _taking(name: str, flag: Flag) -> str:
    return f"{name}={flag.kind}" if flag.kind else name


def _arguments(arguments: Iterable[Argument]) -> list[str]:
    """The kinds of a command's words; one that repeats itself ends in dots. Empty: none can be completed."""
    kinds = [f"{one.kind}..." if one.many else one.kind for one in arguments]
    return kinds if any(not kind.startswith("free") for kind in kinds) else []


def _aliases(node: Node) -> list[str]:
    return [alias for verb in node.verbs for alias in verb.aliases]


def _told(word: str, meaning: str) -> str:
    return f"{word}:{meaning}"


def _tab(word: str, meaning: str) -> str:
    return f"{word}\\t{_fished(meaning)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fished(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(line for line in lines if line)
