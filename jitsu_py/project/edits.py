"""Changes to a JSON text that leave every other character as it is, and the safe replacing of a file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitsu_py.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class _Member:
    """Where a key and its value stand in the text, as offsets."""

    key: str
    start: int
    value: int
    end: int


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return the JSON object of `text` with the changes merged in (RFC 7396), in the text's own style."""
    return _merged(text, _skip(text, 0), changes, _style(text))


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file's content in one step, through a link to the file it names, keeping mode and owner.

    Args:
        before: what the file must still hold.

    Raises:
        ProjectError: the file holds something else by now, or cannot be written.
    """
    target = path.resolve()
    try:
        if target.read_bytes() != before:
            raise ProjectError(
                f"{path} was changed meanwhile.", hint="Run the command again.", code="file_changed"
            )
        _swap(target, after)
    except OSError as error:
        raise ProjectError(
            f"Cannot write {path}: {error.strerror or error}.", hint="Check who may write to that folder."
        ) from error


def _swap(target: Path, content: bytes) -> None:
    info = target.stat()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if sys.platform != "win32":
            with contextlib.suppress(PermissionError):  # only root may give a file away
                os.chown(name, info.st_uid, info.st_gid)
        Path(name).chmod(info.st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if sys.platform == "win32":
        return  # a folder cannot be opened there, let alone flushed
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class _Style:
    """How the file is laid out."""

    newline: str
    indent: str
    """Of one level; empty: everything on one line."""
    colon: str
    """Between key and value, with its spaces."""


def _style(text: str) -> _Style:
    newline = "\r\n" if "\r\n" in text else "\n"
    start = _skip(text, 0)
    first = next(iter(_members(text, start)), None)
    if first is None:
        return _Style(newline, "  ", ": ")
    lead = text[start + 1 : first.start]
    return _Style(newline, re.split(r"[\r\n]", lead)[-1] if "\n" in lead else "", _colon(text, first))


def _colon(text: str, member: _Member) -> str:
    return text[_value(text, member.start)[1] : member.value]


def _merged(text: str, start: int, changes: Mapping[str, Any], style: _Style) -> str:
    for key, value in changes.items():
        # Offsets move with every change, so each is made on a fresh look at the object.
        found = next((member for member in reversed(_members(text, start)) if member.key == key), None)
        if value is None:
            text = text if found is None else _without(text, start, found)
        elif found is None:
            text = _inserted(text, start, key, _bare(value), style)
        elif isinstance(value, dict) and text[found.value] == "{":
            text = _merged(text, found.value, value, style)
        else:
            new = _dumped(text, found.start, _bare(value), style)
            text = text[: found.value] + new + text[found.end :]
    return text


def _members(text: str, start: int) -> list[_Member]:
    members: list[_Member] = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, after = _value(text, at)
        value = _skip(text, _skip(text, after) + 1)
        end = _value(text, value)[1]
        members.append(_Member(key, at, value, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _value(text: str, at: int) -> tuple[Any, int]:
    return json.JSONDecoder().raw_decode(text, at)


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches


def _inserted(text: str, start: int, key: str, value: Any, style: _Style) -> str:
    members = _members(text, start)
    name = _json(key)
    if not members:
        return _first(text, start, name, value, style)
    last = members[-1]
    gap = text[members[-2].end if len(members) > 1 else start : last.start]
    lead = re.sub(r"^[ \t\r\n]*[,{]", "", gap)
    colon = _colon(text, last)
    if not lead and colon.endswith(" "):
        lead = " "
    new = f",{lead}{name}{colon}{_dumped(text, last.start, value, style)}"
    return text[: last.end] + new + text[last.end :]


def _first(text: str, start: int, name: str, value: Any, style: _Style) -> str:
    end = _skip(text, start + 1)
    if not style.indent:
        return f"{text[: start + 1]}{name}{style.colon}{_dumped(text, start, value, style)}{text[end:]}"
    outer = style.newline + _line_indent(text, start)
    inner = outer + style.indent
    new = _layout(value, style, inner)
    return f"{text[: start + 1]}{inner}{name}{style.colon}{new}{outer}{text[end:]}"


def _without(text: str, start: int, member: _Member) -> str:
    members = _members(text, start)
    index = members.index(member)
    if len(members) == 1:
        return text[: start + 1] + text[_skip(text, member.end) :]
    if index == len(members) - 1:
        return text[: members[index - 1].end] + text[member.end :]
    return text[: member.start] + text[members[index + 1].start :]


def _bare(value: Any) -> Any:
    """Drop the Nones from a value that replaces or founds an object, as RFC 7396 has it."""
    if not isinstance(value, dict):
        return value
    return {key: _bare(inner) for key, inner in value.items() if inner is not None}


def _dumped(text: str, at: int, value: Any, style: _Style) -> str:
    return _layout(value, style, style.newline + _line_indent(text, at))


def _layout(value: Any, style: _Style, newline: str) -> str:
    compact = None if style.indent else (",", style.colon)
    return _json(value, indent=style.indent or None, separators=compact).replace("\n", newline)


def _json(value: Any, **layout: Any) -> str:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, **layout)
    try:
        written.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only write as an escape
        written = json.dumps(value, allow_nan=False, **layout)
    return written


def _line_indent(text: str, at: int) -> str:
    line = text.rfind("\n", 0, at) + 1
    return text[line:at][: len(text[line:at]) - len(text[line:at].lstrip(" \t"))]
