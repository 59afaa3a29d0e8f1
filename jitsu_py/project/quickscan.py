"""The fast reading of plain JavaScript: what a file asks for and reads, where that is beyond doubt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from jitsu_py.project.facts import LOCAL, LONGEST_EXPRESSION, Dynamic, EnvRead, Facts, Import
from jitsu_py.project.skeleton import UnsureError, skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WORDS: Final = tuple(
    (word, re.compile(word + rb"\b(?!\s*:)")) for word in (b"require", b"import", b"export", b"process")
)
_REQUIRE = re.compile(rb"""require\s*(?:\.\s*resolve\s*)?\(\s*(["'`])""")
_HARMLESS = re.compile(rb"require\s*\.\s*(?:main|cache|extensions)\b")
_CLOSED = re.compile(rb"\s*[),]")
_IMPORT = re.compile(rb"""import\s*(?:[\w$\s{},*]*?[\s}]from\s*|\(\s*)?(["'`])""")
_FROM = re.compile(rb"""export\s*(?:\*(?:\s*as\s+[\w$]+)?|\{[\w$\s,]*\})\s*from\s*(["'])""")
_FORMS = {b"require": _REQUIRE, b"import": _IMPORT, b"export": _FROM}
_EXPORT = re.compile(rb"export\s*[*{]")
_FOLLOWING: Final = 400  # bytes behind the last word that matters in which its statement mostly ends
_META = re.compile(rb"import\s*\.\s*meta\b(?!\s*\.\s*resolve)")
_ENV = re.compile(rb"""process\s*\.\s*env\s*(?:\.\s*([A-Za-z_$][\w$]*)|\[\s*(["']))""")
_WHOLE_ENV = re.compile(rb"process\s*\??\.\s*env\b(?!\s*\?)")
_OTHERWISE = re.compile(rb"process\b(?!\s*\??\.\s*env\b|\s*\[)")
_ELSE = re.compile(rb"\s*(?:\|\||\?\?)")
_WRITTEN = re.compile(rb"\s*=(?![=>])")
_DELETED = re.compile(rb"\bdelete\s+$")
_BRACE = re.compile(rb"[{}]")
_TRY = re.compile(rb"\btry\s*\{")
_CATCH = re.compile(rb"\s*catch\b")
_ODD: Final = (b"createRequire", b"module.require", b".process.env")
_TYPES = re.compile(rb"import\s+type(?:of)?\b")
_DYNAMIC = re.compile(rb"(?:require|import)\s*\(\s*(?=[^\s)])")
_PROCESS_GIVEN = re.compile(rb"(?:\}\s*=|\bfrom|\brequire\s*\()\s*$")
_ENV_GIVEN = re.compile(rb"=\s*$")
_BRACKET = re.compile(rb"[(){}\[\],]")


@dataclass
class _Source:
    """A file, and its skeleton."""

    original: bytes
    skeleton: bytes
    fine: Callable[[str], bool]
    facts: Facts = field(default_factory=Facts)

    def text(self, quote: int) -> str:
        """Return the text that begins at a quote."""
        raw = self.original[quote + 1 : self.behind(quote) - 1]
        if b"\\" in raw or b"${" in raw:
            raise UnsureError
        return raw.decode("utf-8", "replace")

    def is_plain(self, quote: int) -> bool:
        """Say whether the text that begins at a quote has no code in it."""
        return self.skeleton[quote] != 0x60 or b"${" not in self.original[quote : self.behind(quote)]

    def behind(self, quote: int) -> int:
        """Return where the text that begins at a quote is over."""
        return self.skeleton.index(self.skeleton[quote : quote + 1], quote + 1) + 1

    def line(self, at: int) -> int:
        return self.original.count(b"\n", 0, at) + 1

    def in_try(self, at: int) -> bool:
        """Say whether a place is in a block whose errors are caught."""
        return any(self._catches(start, at) for start in self._tries if start <= at)

    @cached_property
    def _tries(self) -> list[int]:
        return [found.end() for found in _TRY.finditer(self.skeleton)]

    def _catches(self, start: int, at: int) -> bool:
        end = self._closing(start)
        return at < end and _CATCH.match(self.skeleton, end) is not None

    def _closing(self, at: int) -> int:
        depth = 1
        for found in _BRACE.finditer(self.skeleton, at):
            depth += 1 if found.group() == b"{" else -1
            if not depth:
                return found.end()
        raise UnsureError

    def words(self) -> Iterator[tuple[bytes, int]]:
        """Yield the words that matter, each with its place; not those that are part of another."""
        for word, expression in _WORDS:
            for found in expression.finditer(self.skeleton):
                before = self.skeleton[found.start() - 1 : found.start()]
                if not (before.isalnum() or before in (b"_", b"$", b".")):
                    yield word, found.start()


def scan(data: bytes, fine: Callable[[str], bool] | None = None) -> Facts | None:
    """Return what a file of JavaScript asks for and reads; None: it has to be parsed.

    Args:
        data: the source.
        fine: tells of a specifier that nobody needs to know of it, and saves looking closer.
    """
    try:
        source = _Source(data, skeleton(data, _last(data)), fine or _nothing)
        if any(odd in source.skeleton for odd in _ODD):
            return None
        for word, at in source.words():
            _take(source, word, at)
    except UnsureError:
        return None
    return source.facts


def _nothing(_specifier: str) -> bool:
    return False


def _last(data: bytes) -> int:
    """Return where nothing that matters follows any more: mostly that is soon behind the head of a file."""
    places = [max(data.rfind(word) for word in (b"require", b"import", b"process"))]
    places += [found.start() for found in _EXPORT.finditer(data, max(places[0], 0))]
    return places[-1] + _FOLLOWING


def _take(source: _Source, word: bytes, at: int) -> None:
    if word == b"process":
        _take_process(source, at)
        return
    found = _FORMS[word].match(source.skeleton, at)
    if found is None:
        if word != b"export" and not (_HARMLESS if word == b"require" else _META).match(source.skeleton, at):
            _take_dynamic(source, at)
        return
    quote = found.start(1)
    called = source.skeleton[at:quote].rstrip().endswith(b"(")
    if called and not (source.is_plain(quote) and _CLOSED.match(source.skeleton, source.behind(quote))):
        _take_dynamic(source, at)
        return
    specifier = source.text(quote)
    if specifier in ("process", "node:process") or _TYPES.match(source.skeleton, at):
        raise UnsureError
    if source.fine(specifier):
        return
    optional = called and source.in_try(at)
    source.facts.imports.append(Import(specifier, source.line(at), optional))


def _take_dynamic(source: _Source, at: int) -> None:
    found = _DYNAMIC.match(source.skeleton, at)
    if found is None:
        raise UnsureError
    depth, end = 0, found.end()
    for bracket in _BRACKET.finditer(source.skeleton, found.end()):
        end = bracket.start()
        if depth == 0 and bracket.group() in b"),":
            break
        depth += 1 if bracket.group() in b"({[" else -1 if bracket.group() in b")}]" else 0
    expression = source.original[found.end() : end].decode("utf-8", "replace").strip()
    if not LOCAL.match(expression):
        source.facts.dynamic.append(Dynamic(expression[:LONGEST_EXPRESSION], source.line(at)))


def _take_process(source: _Source, at: int) -> None:
    found = _ENV.match(source.skeleton, at)
    if found is None:
        # Only where it gets another name does it matter what the rest of the file does with that.
        given = _ENV_GIVEN if _WHOLE_ENV.match(source.skeleton, at) else _PROCESS_GIVEN
        known = given is _ENV_GIVEN or _OTHERWISE.match(source.skeleton, at)
        if not known or given.search(source.skeleton, max(0, at - 40), at):
            raise UnsureError
        return
    end = found.end()
    if found[1]:
        name = found[1].decode()
    else:
        quote = found.start(2)
        name, end = source.text(quote), source.skeleton.find(b"]", source.behind(quote)) + 1
        if source.skeleton[source.behind(quote) : end].strip() != b"]":
            raise UnsureError
    if _WRITTEN.match(source.skeleton, end) or _DELETED.search(source.skeleton, max(0, at - 40), at):
        return
    negated = source.skeleton[max(0, at - 40) : at].rstrip().endswith(b"!")
    default = not negated and _ELSE.match(source.skeleton, end) is not None
    source.facts.env.append(EnvRead(name, source.line(at), default))
