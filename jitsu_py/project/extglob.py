"""One part of a path pattern, between two slashes, as a regular expression: classes, escapes, `@(a|b)`.

The grammar is that of npm's minimatch with dot files matched and case ignored. Nothing matches a slash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_DEEPEST: Final = 2  # extended globs in extended globs, below which npm takes the text to the letter
_KINDS: Final = "!?+*@"
_ADOPTS: Final = {"!": "?@", "?": "?@", "@": "?@", "*": "*+?@", "+": "+@?*"}
_ANY: Final = "[^/]"
_NEVER: Final = r"(?!)"

_PUNCTUATION = r"""[!"#%&'()*,\-./:;?@\[\\\]_{}\xa1\xa7\xab\xb6\xb7\xbb\xbf\u2010-\u2027\u2030-\u205e]"""
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_POSIX: Final = {
    "[:alnum:]": r"[^\W_]",
    "[:alpha:]": r"[^\W\d_]",
    "[:ascii:]": r"[\x00-\x7f]",
    "[:blank:]": r"[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]",
    "[:cntrl:]": f"[{_CONTROL}]",
    "[:digit:]": r"\d",
    "[:graph:]": rf"[^\s{_CONTROL}]",
    "[:lower:]": r"[^\W\d_]",  # case is ignored
    "[:print:]": f"[^{_CONTROL}]",
    "[:punct:]": _PUNCTUATION,
    "[:space:]": r"\s",
    "[:upper:]": r"[^\W\d_]",
    "[:word:]": r"\w",
    "[:xdigit:]": "[A-Fa-f0-9]",
}


@dataclass
class _Sequence:
    """Texts and groups, one after the other."""

    items: list[str | _Group] = field(default_factory=list)


@dataclass
class _Group:
    """An extended glob: `kind(first|second)`."""

    kind: str
    choices: list[_Sequence] = field(default_factory=list)

    def __str__(self) -> str:
        inner = ("".join(str(item) for item in choice.items) for choice in self.choices)
        return f"{self.kind}({'|'.join(inner)})"


def source(part: str) -> str:
    """Return the regular expression for a part that is not empty."""
    sequence, _ = _parse(part, 0, None, 0)
    return _sequence(sequence, whole=True, behind="")


def _parse(text: str, at: int, inside: str | None, depth: int) -> tuple[_Sequence, int]:
    """Read a sequence up to the end, or up to the `|` or `)` that ends it within the group `inside`."""
    sequence, run = _Sequence(), at
    while at < len(text) and not (inside and text[at] in "|)"):
        char = text[at]
        if char in _KINDS and text[at + 1 : at + 2] == "(":
            adopted = inside is not None and char in _ADOPTS[inside]
            if depth <= _DEEPEST or adopted:
                group, end = _group(text, at, depth + (not adopted))
                if group is None:
                    at = len(text)
                    break
                sequence.items += [text[run:at], group] if run < at else [group]
                run = at = end
                continue
        at = _bracket_end(text, at) if char == "[" else at + (2 if char == "\\" else 1)
    at = min(at, len(text))
    if run < at:
        sequence.items.append(text[run:at])
    return sequence, at


def _bracket_end(text: str, start: int) -> int:
    """Return where the class that begins at `start` is over: the text's end where it has none of its own."""
    at = start + (2 if text[start + 1 : start + 2] in ("!", "^") else 1)
    first = at
    while at < len(text):
        if text[at] == "]" and at > first:
            return at + 1
        at += 2 if text[at] == "\\" else 1
    return len(text)


def _group(text: str, start: int, depth: int) -> tuple[_Group | None, int]:
    """Read the group whose kind stands at `start`; None: it has no end, so it is none."""
    group, at = _Group(text[start]), start + 2
    while True:
        choice, at = _parse(text, at, group.kind, depth)
        if at >= len(text):
            return None, at
        group.choices.append(choice)
        at += 1
        if text[at - 1] == ")":
            return group, at


def _sequence(sequence: _Sequence, *, whole: bool, behind: str) -> str:
    """Translate a sequence; `behind` is what follows it up to the end of the part."""
    if whole and len(sequence.items) == 1 and isinstance(sequence.items[0], str):
        only = sequence.items[0]
        return f"{_ANY}+" if set(only) == {"*"} else _text(only)
    done = ""
    # From the right, since a negation looks ahead over all that follows it.
    for index in range(len(sequence.items) - 1, -1, -1):
        item = sequence.items[index]
        if isinstance(item, str):
            done = _text(item) + done
        else:
            alone = whole and len(sequence.items) == 1
            done = _translated(item, alone=alone, first=whole and not index, behind=done + behind) + done
    return done


def _translated(group: _Group, *, alone: bool, first: bool, behind: str) -> str:
    tail = behind if group.kind == "!" else ""
    whole = first if group.kind == "!" else alone
    choices = [_sequence(choice, whole=whole, behind=behind) for choice in group.choices]
    if alone:
        choices = [choice for choice in choices if choice]
    if group.kind == "!":
        if all(not choice.items for choice in group.choices) and len(group.choices) == 1:
            return f"{_ANY}+"
        refused = "|".join(rf"{choice}{tail}(?:\Z|/)" for choice in choices)
        return f"(?:(?!(?:{refused})){_ANY}*?)"
    if not choices:
        return re.escape(str(group))
    return f"(?:{'|'.join(choices)}){'' if group.kind == '@' else group.kind}"


def _text(text: str) -> str:
    out, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "*":
            while text[at : at + 1] == "*":
                at += 1
            out += f"{_ANY}*?"
            continue
        if char == "\\" and at + 1 < len(text):
            out += re.escape(text[at + 1])
            at += 2
            continue
        if char == "[" and (found := _class(text, at)) is not None:
            expression, at = found
            out += expression
            continue
        out += _ANY if char == "?" else re.escape(char)
        at += 1
    return out


def _class(text: str, start: int) -> tuple[str, int] | None:
    """Translate a character class; None where it has no end, so that it is text."""
    at = start + 1
    negated = text[at : at + 1] in ("!", "^")
    at += negated
    pieces, first = [], True
    while at < len(text) and (first or text[at] != "]"):
        if (name := next((each for each in _POSIX if text.startswith(each, at)), None)) is not None:
            pieces.append(_POSIX[name])
            at += len(name)
        else:
            piece, at = _member(text, at)
            pieces += [piece] if piece else []
        first = False
    if at >= len(text):
        return None
    if not pieces:
        return _NEVER, len(text)
    union = f"(?:{'|'.join(pieces)})"
    return (f"(?!{union}){_ANY}" if negated else union), at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    """Translate a character or a range of a class; empty: a range that runs backwards."""
    low, at = _char(text, at)
    if text[at : at + 1] != "-":
        return re.escape(low), at
    if text[at + 1 : at + 2] == "]":
        return f"[{re.escape(low)}\\-]", at + 1
    if at + 1 >= len(text):
        return "", len(text)
    high, at = _char(text, at + 1)
    if high < low:
        return "", at
    return f"[{re.escape(low)}-{re.escape(high)}]", at


def _char(text: str, at: int) -> tuple[str, int]:
    if text[at] == "\\" and at + 1 < len(text):
        return text[at + 1], at + 2
    return text[at], at + 1
