"""Where things are: the server's base URL, the paths of its routes, the names of apps."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from jitsu_py.errors import UsageError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def base_url(host: str) -> str:
    """Make a configured host a base URL without a slash at its end.

    Without a scheme it is `https`, on this machine `http`.

    Raises:
        UsageError: it is no http(s) address, or carries a user, password, query or fragment.
    """
    text = host.strip()
    url = text if "://" in text else f"//{text}"
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad_host(str(error)) from error
    if not name or any(mark.isspace() for mark in text):
        raise _bad_host("there is no host name in it")
    if parts.scheme not in ("", "http", "https"):
        raise _bad_host(f"{parts.scheme}:// is not spoken here")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _bad_host("it may hold no user, password, query or fragment")
    scheme = parts.scheme or ("http" if is_loopback(name) else "https")
    shown = f"[{name}]" if ":" in name else name
    return f"{scheme}://{shown}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"


def _bad_host(why: str) -> UsageError:
    # The value itself stays out of the message: it may hold a password.
    return UsageError(
        f"the host cannot be used: {why}",
        hint="give it as https://name or http://name:port, with `jitsu host URL` or JITSU_HOST",
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host name or base URL is this machine."""
    name = urlsplit(host if "//" in host else f"//{host}").hostname or ""
    return name in LOOPBACK or name.startswith("127.") or name.endswith(".localhost")


def route(*parts: str) -> str:
    """Join parts into a path, each of them quoted so that it stays one part.

    Raises:
        UsageError: a part is empty, has a slash in it, or is one that a path would swallow (`.`, `..`).
    """
    for part in parts:
        if part.strip() in ("", ".", "..") or "/" in part:
            raise UsageError(f"{part!r} is not a name")
    return "/" + "/".join(quote(part, safe="@:") for part in parts)


def split_app(name: str, user: str) -> tuple[str, str]:
    """Split `name` or `user/name` into user and name; `user` owns an app named without one.

    An npm scope is no part of an app's name: `@scope/name` is the app `name`.
    """
    owner, slash, rest = name.partition("/")
    if slash and owner and not owner.startswith("@"):
        user, name = owner, rest
    if name.startswith("@"):
        name = name.partition("/")[2]
    return user, name
