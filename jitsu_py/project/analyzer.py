"""What a look at the code tells before it is sent: modules that nobody declared, variables, secrets.

Nothing is changed and nothing is fetched; which version a missing module would get is npm's to say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jitsu_py.project import quickscan, sources, specifiers
from jitsu_py.project.declared import Declared, Standing
from jitsu_py.project.facts import Facts
from jitsu_py.project.leaks import Leak, leaks
from jitsu_py.project.report import GIVEN, Missing, Report, Use, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jitsu_py.project.listing import PackFile
    from jitsu_py.project.manifest import Manifest

__all__ = ["GIVEN", "Leak", "Missing", "Report", "Standing", "Use", "Variable", "analyze"]

LONGEST: Final = 1024 * 1024
"""Largest source file that is read, bytes; a larger one was made by a program."""

_KEPT: Final = 16 * 1024 * 1024
_LONGEST_TEXT: Final = 256 * 1024  # of other files, which are looked through for secrets only
# Each expression begins with a word, which makes them many times faster than one for all.
_ASKED: Final = tuple(
    re.compile(word + rb"""\b(?:\s|\(|/\*[^*]*\*/)*(["'`])((?:(?!\1)[^\n\\]){0,300})\1""")
    for word in (b"require", b"import", b"from", b"resolve")
)
_UNCLEAR_REQUIRE = re.compile(rb"""require\s*(?:\(\s*(?:[^"'`\s)]|["'`][^"'`\n]*\\)|[;,\n])""")
_UNCLEAR_IMPORT = re.compile(rb"""import\s*\(\s*[^"'`\s)]""")
_MADE = re.compile(r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|.*\.map)$")
_MODULES = re.compile(r"(?:^|/)node_modules/")


@dataclass
class _Look:
    """One look at a project."""

    folder: Path
    manifest: Manifest
    declared: Declared
    paths: frozenset[str]
    links: dict[str, list[str]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    """Paths of the files that may hold something to report."""
    kept: dict[str, bytes] = field(default_factory=dict)
    """Contents of the first of those, which need not be read twice."""
    room: int = _KEPT
    """Bytes that may still be kept."""
    secrets: list[Leak] = field(default_factory=list)
    skipped: list[Use] = field(default_factory=list)
    read: int = 0


def analyze(folder: Path, files: Sequence[PackFile], manifest: Manifest) -> Report:
    """Look through the code that would be packed.

    Args:
        folder: the project's.
        files: what would be packed; nothing else is looked at.
        manifest: the project's.
    """
    paths = frozenset(file.path for file in files)
    look = _Look(folder, manifest, Declared(manifest, folder, paths), paths)
    for file in files:
        if not _MODULES.search(file.path):
            _skim(look, file)
    reached = sources.reached(sources.entries(manifest, paths), look.links, paths)
    running = [path for path in look.unclear if path in reached or not sources.is_aside(path)]
    facts = {path: _facts(look, path) for path in running}
    return Report(
        missing=_missing(look, facts, reached),
        variables=_variables(facts),
        secrets=sorted(look.secrets, key=lambda leak: (leak.path, leak.line)),
        dynamic=[
            Use(path, each.line, each.expression) for path in sorted(facts) for each in facts[path].dynamic
        ],
        skipped=look.skipped,
        files=look.read,
    )


def _skim(look: _Look, file: PackFile) -> None:
    """Read a file once, and see whether it is worth a closer look."""
    suffix = sources.suffix(file.path)
    source = suffix in sources.SUFFIXES
    readable = source or (suffix in sources.TEXTS and file.size <= _LONGEST_TEXT)
    if not readable or _MADE.search(file.path):
        return
    if file.size > LONGEST:
        look.skipped.append(Use(file.path, 1, f"larger than {LONGEST // 1024} KiB"))
        return
    try:
        with open(f"{look.folder}/{file.path}", "rb", buffering=0) as opened:  # noqa: PTH123 - of thousands
            data = opened.read()
    except OSError:
        return  # packing says it, and better
    look.secrets += leaks(file.path, data)
    if source and not file.path.endswith((".d.ts", ".d.mts", ".d.cts")):
        look.read += 1
        _skim_source(look, file.path, data)


def _skim_source(look: _Look, path: str, data: bytes) -> None:
    found = (each for expression in _ASKED for each in expression.finditer(data))
    asked = {each[2].decode("utf-8", "replace") for each in found}
    look.links[path] = [each for each in asked if specifiers.is_relative(each)]
    # Comments and texts are asked too at this point, so whatever is fine here is fine in the code.
    if (
        (b"process" in data and b"env" in data)
        or any("${" in each or look.declared.standing(each, path) is not Standing.FINE for each in asked)
        or _UNCLEAR_REQUIRE.search(data)
        or _UNCLEAR_IMPORT.search(data)
        or b"createRequire" in data
    ):
        look.unclear.append(path)
        if len(data) <= look.room:
            look.kept[path] = data
            look.room -= len(data)


def _facts(look: _Look, path: str) -> Facts:
    from jitsu_py.project import syntax

    def fine(specifier: str) -> bool:
        return look.declared.standing(specifier, path) is Standing.FINE

    try:
        data = look.kept[path] if path in look.kept else (look.folder / path).read_bytes()
    except OSError:
        return Facts()
    suffix = sources.suffix(path)
    plain = quickscan.scan(data, fine) if suffix in (".js", ".cjs", ".mjs") else None
    if plain is not None:
        return plain
    try:
        return syntax.parse(data, suffix)
    except ImportError:  # the parser is machine code, and not every machine has it
        look.skipped.append(Use(path, 1, "there is no parser for it on this machine"))
        return Facts()


def _missing(look: _Look, facts: dict[str, Facts], reached: set[str]) -> list[Missing]:
    uses, optional = defaultdict(list), defaultdict(list)
    standings: dict[str, Standing] = {}
    found = [(path, each) for path, those in facts.items() for each in those.imports]
    for path, each in found:
        standing = look.declared.standing(each.specifier, path)
        name = specifiers.package_of(each.specifier)
        # Tools are declared for development; only code that the app is known to run must not need them.
        if (
            name is None
            or standing is Standing.FINE
            or (standing is Standing.DEVELOPMENT and path not in reached)
        ):
            continue
        uses[name].append(Use(path, each.line, each.specifier))
        optional[name].append(each.optional)
        standings[name] = max(standing, standings.get(name, standing))
    for target in look.declared.imports():
        if (standing := look.declared.standing(target, "")) is not Standing.FINE:
            name = specifiers.package_of(target) or target
            uses[name].append(Use("package.json", _line_of(look.manifest, target), target))
            optional[name].append(False)
            standings[name] = max(standing, standings.get(name, standing))
    return [
        Missing(name, standings[name], _ordered(uses[name]), all(optional[name])) for name in sorted(uses)
    ]


def _variables(facts: dict[str, Facts]) -> list[Variable]:
    uses, defaults = defaultdict(list), defaultdict(list)
    for path, those in facts.items():
        for each in those.env:
            uses[each.name].append(Use(path, each.line, each.name))
            defaults[each.name].append(each.default)
    return [Variable(name, _ordered(uses[name]), all(defaults[name])) for name in sorted(uses)]


def _ordered(uses: list[Use]) -> tuple[Use, ...]:
    return tuple(sorted(uses, key=lambda use: (use.path, use.line)))


def _line_of(manifest: Manifest, text: str) -> int:
    return manifest.text.count("\n", 0, max(0, manifest.text.find(f'"{text}"'))) + 1
