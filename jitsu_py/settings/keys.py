"""The settings there are, and how the value of each is read and refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

COLORS = ("auto", "always", "never")


@dataclass(frozen=True)
class Key:
    """A setting that may stand in a file."""

    parse: Callable[[Any], Any]
    """Gives the value to use; raises ValueError with what it should have been."""
    default: Any
    environment: str
    """Name of its variable; may be empty."""
    summary: str


def parse_host(given: Any) -> str:
    """The base URL that a person means by `given`: a name alone is https, this machine's is http."""
    from urllib.parse import urlsplit

    text = str(given).strip()
    if "://" not in text:
        local = text.split(":")[0].split("/")[0] in {"localhost", "127.0.0.1"} or text.startswith("[::1]")
        text = f"{'http' if local else 'https'}://{text}"
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise ValueError(f"a URL such as https://jitsu.example.com ({error})") from error
    odd = any(character.isspace() or not character.isprintable() for character in text)
    if odd or url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise ValueError("a URL such as https://jitsu.example.com")
    if url.username or url.password:
        raise ValueError("a URL without a user or password: log in with `jitsu login`")
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def parse_timeout(given: Any) -> float:
    """Seconds, more than none and at most a day."""
    wanted = "a number of seconds, more than 0 and at most 86400"
    if isinstance(given, bool):
        raise ValueError(wanted)
    try:
        seconds = float(given)
    except (TypeError, ValueError) as error:
        raise ValueError(wanted) from error
    if not 0 < seconds <= 86400:
        raise ValueError(wanted)
    return seconds


def parse_username(given: Any) -> str:
    """A user name, lower-cased: the platform does not tell them apart by case."""
    import re

    from jitsu_py.wire import USER_NAME

    name = str(given).strip().lower()
    if not re.fullmatch(USER_NAME, name):
        raise ValueError("a user name: letters, digits, dots, hyphens and underscores")
    return name


def parse_color(given: Any) -> str:
    """One of `COLORS`."""
    if given not in COLORS:
        raise ValueError(f"one of {', '.join(COLORS)}")
    return str(given)


def parse_text(given: Any) -> str:
    """Any text that is not empty."""
    if not isinstance(given, str) or not given.strip():
        raise ValueError("a text that is not empty")
    return given.strip()


def parse_file(given: Any) -> str:
    """The path of a file, from the root: a setting is read in other folders than the one it was made in."""
    from pathlib import Path

    text = parse_text(given)
    if "\0" in text:
        raise ValueError("the path of a file")
    return str(Path(text).expanduser().absolute())


KEYS: dict[str, Key] = {
    "host": Key(parse_host, None, "JITSU_HOST", "the platform's address; none: the one on this machine"),
    "username": Key(parse_username, None, "JITSU_USERNAME", "whose account"),
    "timeout": Key(parse_timeout, 60.0, "", "how long an answer may take, seconds"),
    "color": Key(parse_color, "auto", "", "auto, always or never"),
    "cacert": Key(parse_file, None, "", "file with the certificates of a private authority"),
    "profile": Key(parse_text, None, "JITSU_PROFILE", "the profile used when none is named"),
}
