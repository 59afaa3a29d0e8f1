"""Plain JavaScript without its comments and the contents of its texts, character for character.

Comments, texts and regular expressions are told apart by looking from left to right, many times faster than
by parsing. Where that cannot be sure (markup, a slash behind a brace), it gives up.
"""

from __future__ import annotations

import re
from typing import Final

_TEXTS: Final = rb"""//[^\n]*|/\*[\s\S]*?\*/|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|[/"'`]"""
_TOKEN = re.compile(_TEXTS)
_TOKEN_IN_TEMPLATE = re.compile(_TEXTS + rb"|[{}]")
_CHUNK = re.compile(rb"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{)")
_REGEX = re.compile(rb"/(?:[^\\/\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+/[a-z]*")
_LAST_WORD = re.compile(rb"(?:^|[^\w$])(\.?)\s*([\w$]+)$")
_SPACE: Final = b" \t\r\n"

# Words behind which a slash begins a regular expression; behind all others it divides.
_BEFORE_VALUES: Final = frozenset(
    b"return typeof case in of delete void throw new instanceof do else yield await".split()
)
_BEFORE_STATEMENTS: Final = frozenset((b"if", b"while", b"for", b"with"))


class UnsureError(Exception):
    """The source has to be parsed."""


def skeleton(data: bytes, until: int | None = None) -> bytes:
    """Return the source with blanks for comments, dashes in texts and zeros for regular expressions.

    Args:
        until: where to stop at the earliest; what is behind the token there is left away.

    Raises:
        UnsureError: something may be read in two ways.
    """
    out, at = bytearray(data), 0
    if data.startswith(b"#!"):
        at = data.find(b"\n") if b"\n" in data else len(data)
        out[:at] = b" " * at
    braces: list[int] = []  # open ones within each template that the code is in
    while (found := (_TOKEN_IN_TEMPLATE if braces else _TOKEN).search(data, at)) is not None:
        if until is not None and found.start() > until:
            return bytes(out[: found.start()])
        start, at = found.span()
        token = found.group()
        if token in (b"{", b"}"):
            braces[-1] += 1 if token == b"{" else -1
            if braces[-1] < 0:
                out[start] = 0x29
                braces.pop()
                at = _template(data, out, at, braces)
        elif token[0] == 0x2F and len(token) > 1:
            out[start:at] = b"\n".join(b" " * len(line) for line in token.split(b"\n"))
        elif token[0] == 0x2F:
            at = _slash(data, out, start)
        elif token[0] == 0x60:
            at = _template(data, out, at, braces)
        elif len(token) == 1:
            raise UnsureError
        else:
            out[start + 1 : at - 1] = b"-" * (at - start - 2)
    return bytes(out)


def _template(data: bytes, out: bytearray, start: int, braces: list[int]) -> int:
    """Blank a piece of a template, up to its end or to code in it, which stands in parentheses then."""
    found = _CHUNK.match(data, start)
    if found is None:
        raise UnsureError
    out[start : found.start(1)] = b"-" * (found.start(1) - start)
    if found[1] == b"${":
        out[found.start(1) : found.end(1)] = b" ("
        braces.append(0)
    return found.end()


def _slash(data: bytes, out: bytearray, at: int) -> int:
    if _divides(data, out, at):
        return at + 1
    found = _REGEX.match(data, at)
    if found is None:
        raise UnsureError
    out[at : found.end()] = b"0" * (found.end() - at)
    return found.end()


def _divides(data: bytes, out: bytearray, at: int) -> bool:
    before = at - 1
    while before >= 0 and out[before] in _SPACE:
        before -= 1
    if before < 0:
        return False
    last = out[before : before + 1]
    if last in b"}" or (last == b"<" and before == at - 1) or data[at + 1 : at + 2] == b">":
        raise UnsureError
    if last in b"\"'`]" or last[0] >= 0x80 or (last in b"+-" and out[before - 1 : before] == last):
        return True
    if last == b")":
        return _word_before(out, _opening(out, before)) not in _BEFORE_STATEMENTS
    if last.isalnum() or last in b"_$":
        return _word_before(out, before + 1) not in _BEFORE_VALUES
    return False


def _word_before(out: bytearray, end: int) -> bytes:
    """Return the word that ends before a place; empty: there is none, or it is the name of a member."""
    found = _LAST_WORD.search(bytes(out[max(0, end - 60) : end]).rstrip())
    return b"" if found is None or found[1] else found[2]


def _opening(out: bytearray, closing: int) -> int:
    depth, at = 1, closing
    while depth:
        opened, closed = out.rfind(b"(", 0, at), out.rfind(b")", 0, at)
        if opened < 0:
            raise UnsureError
        at = max(opened, closed)
        depth += 1 if at == closed else -1
    return at
