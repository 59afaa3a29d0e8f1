"""Files of environment variables: `.env` lines as Node's dotenv reads them, and jitsu 0.x's `env.json`."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.errors import UsageError
from jitsu_py.tomlfile import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT: Final = 1024 * 1024
"""Largest file that is read, bytes; the platform takes no more in a request."""


def read(path: Path) -> dict[str, str]:
    """Read a file of variables.

    Raises:
        UsageError: it cannot be read, is too large, or is neither JSON nor `.env` lines.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > LIMIT:
        raise UsageError(f"{path} is larger than {LIMIT // 1024} KiB")
    try:
        return parse(raw.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text") from error


def parse(text: str, source: str) -> dict[str, str]:
    """Read variables from JSON where it begins with a brace, else from `.env` lines.

    Nothing is interpolated: `${OTHER}` is a text like any other. Of a name given twice the last counts.

    Args:
        text: what the file holds.
        source: names it in errors; no error quotes a line, which may hold a secret.

    Raises:
        UsageError: it cannot be understood; names the line.
    """
    found = _from_json(text, source) if text.lstrip().startswith("{") else _from_lines(text, source)
    return {name: checked(name, value) for name, value in found.items()}


def checked(name: str, value: str) -> str:
    """Give a value that a process can have under that name.

    Raises:
        UsageError: the name or the value cannot be a variable's.
    """
    if not name or "=" in name or not name.isprintable() or name != name.strip():
        raise UsageError(f"{name!r} is no name of a variable", hint="write KEY=VALUE")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the value of {name} is not UTF-8 text") from error
    if "\0" in value:
        raise UsageError(f"the value of {name} holds a zero byte, which no variable can")
    return value


def write(path: Path, variables: Mapping[str, str]) -> None:
    """Write a file of variables, as JSON where its name ends so; only its owner may read it.

    Raises:
        UsageError: it cannot be written, or lines cannot hold one of the names or values.
    """
    is_json = path.suffix == ".json"
    text = json.dumps(dict(variables), indent=2, ensure_ascii=False) + "\n" if is_json else _lines(variables)
    try:
        write_private(path.resolve(), text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


def _from_json(text: str, source: str) -> dict[str, str]:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{source}{line}: not valid JSON") from error
    return {name: _text(name, value, source) for name, value in data.items()}


def _text(name: str, value: Any, source: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    kind = "nothing" if value is None else "a list" if isinstance(value, list) else "an object"
    raise UsageError(f"{source}: {name} is {kind}; a variable is a text")


def _from_lines(text: str, source: str) -> dict[str, str]:
    from dotenv.parser import parse_stream

    found = {}
    for binding in parse_stream(StringIO(text)):
        if binding.key is None and not binding.error:
            continue  # a comment or an empty line
        if binding.key is None or binding.value is None:
            raise UsageError(
                f"{source}, line {_first(binding.original)}: this is no KEY=VALUE",
                hint="quotes hold what spans lines or has a # in it",
            )
        found[binding.key] = binding.value
    return found


def _first(original: Any) -> int:
    """The line where something begins; the parser counts the empty ones before it in."""
    text: str = original.string
    return int(original.line) + text[: len(text) - len(text.lstrip())].count("\n")


def _lines(variables: Mapping[str, str]) -> str:
    text = "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())
    try:
        is_faithful = parse(text, "") == dict(variables)
    except UsageError:
        is_faithful = False
    if not is_faithful:
        raise UsageError(
            "some of these variables cannot be written as lines", hint="name the file .json, or leave it out"
        )
    return text


def _quoted(value: str) -> str:
    """Quote so that the readers of `.env` files agree: single quotes take all but themselves as it is."""
    if "'" not in value and "\\" not in value and "\r" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
