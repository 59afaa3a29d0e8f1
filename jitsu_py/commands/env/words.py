"""What the words behind `jitsu env VERB` mean: today's grammar and that of old."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = Path("env.json")
"""What `save` and `load` use unless told otherwise, as jitsu 0.x did."""


def keys_of(words: Sequence[str], app: str | None, folder: str | None) -> tuple[str | None, list[str]]:
    """The app, if one is named, and the variables: `KEY` or, as of old, `APP KEY`; all keys beside a flag."""
    if app or folder or len(words) == 1:
        return app, list(words)
    if len(words) > 2:
        raise UsageError("several variables need --app NAME or --dir FOLDER before them")
    return words[0], [words[1]]


def assignments(
    words: Sequence[str], *, elsewhere: bool, stdin: bool
) -> tuple[str | None, dict[str, str], str | None]:
    """The app, if one is named, the pairs, and the variable whose value is not said here."""
    bare = next((at for at, word in enumerate(words) if "=" in word), len(words))
    if stdin or (bare == len(words) == 1 and not elsewhere):
        if bare != len(words) or len(words) > 2:
            raise UsageError("--stdin takes one KEY beside it, or none")
        return (words[0] if len(words) == 2 else None), {}, (words[-1] if words else None)
    if len(words) == 2 and bare:
        return None, _old_pair(*words), None
    if len(words) == 3 and bare >= 2:
        return words[0], {words[1]: words[2]}, None
    if bare > 1 or not (words or elsewhere):
        # The words stay out of the message: one may be a secret with its name forgotten.
        raise UsageError("set takes KEY=VALUE pairs, or KEY VALUE", hint="jitsu env set NODE_ENV=production")
    return (words[0] if bare else None), dict(_pair(word) for word in words[bare:]), None


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals:
        raise UsageError("set takes KEY=VALUE pairs, or KEY VALUE", hint="jitsu env set NODE_ENV=production")
    return key, value


def _old_pair(key: str, value: str) -> dict[str, str]:
    """`KEY VALUE`, unless it reads like an app and a pair."""
    import re

    if key == key.lower() and re.match("[A-Z][A-Z0-9_]*=", value):
        raise UsageError(
            f"is {key} an app or a variable?", hint=f"--app {key}, or {key}=VALUE for the variable"
        )
    return {key: value}


def one_app(flag: str | None, word: str | None) -> str | None:
    """The app that a flag or a word names; both at once are refused."""
    if flag and word:
        raise UsageError(f"two apps are named, {flag} and {word}")
    return flag or word


def file_of(words: Sequence[str], app: str | None, folder: str | None) -> tuple[str | None, Path]:
    """The app, if one is named, and the file.

    A word alone is a file when it looks like one, or when --app or --dir tells the app.
    """
    if len(words) > 2 or (app and len(words) > 1):
        raise UsageError("too many words", hint="jitsu env save|load [APP] [FILE]")
    if len(words) == 2:
        return words[0], Path(words[1])
    is_told = app is not None or folder is not None
    is_file = bool(words) and (is_told or "." in words[0] or words[0].startswith("/"))
    if words and not is_file:
        return words[0], FILE
    return app, Path(words[0]) if words else FILE
