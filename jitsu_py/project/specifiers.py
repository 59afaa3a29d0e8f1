"""What the text in `require("…")` or `import "…"` asks for: a package, a module of Node's own, or neither."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE = re.compile(
    r"(@[a-z0-9~_-][\w.~-]*/[a-z0-9~_-][\w.~-]*|[a-z0-9][\w.~-]*)(?:/.*)?", re.IGNORECASE | re.DOTALL
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)

# The first release line of Node that has each module, as (major, minor); what is in all of them is (0, 0).
_SINCE: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(
        [
            "assert",
            "buffer",
            "child_process",
            "cluster",
            "console",
            "constants",
            "crypto",
            "dgram",
            "dns",
            "domain",
            "events",
            "fs",
            "http",
            "https",
            "module",
            "net",
            "os",
            "path",
            "punycode",
            "querystring",
            "readline",
            "repl",
            "stream",
            "string_decoder",
            "sys",
            "timers",
            "tls",
            "tty",
            "url",
            "util",
            "vm",
            "zlib",
            "_http_agent",
            "_http_client",
            "_http_common",
            "_http_incoming",
            "_http_outgoing",
            "_http_server",
            "_stream_duplex",
            "_stream_passthrough",
            "_stream_readable",
            "_stream_transform",
            "_stream_wrap",
            "_stream_writable",
            "_tls_common",
            "_tls_wrap",
            "_debugger",
            "_linklist",
            "freelist",
        ],
        (0, 0),
    ),
    "process": (1, 0),
    "v8": (1, 0),
    "inspector": (8, 0),
    "http2": (8, 4),
    "perf_hooks": (8, 5),
    "async_hooks": (8, 1),
    "trace_events": (10, 0),
    "worker_threads": (10, 5),
    "wasi": (12, 16),
    "fs/promises": (14, 0),
    "diagnostics_channel": (14, 17),
    "stream/promises": (15, 0),
    "timers/promises": (15, 0),
    "dns/promises": (15, 0),
    "assert/strict": (15, 0),
    "path/posix": (15, 3),
    "path/win32": (15, 3),
    "util/types": (15, 3),
    "stream/web": (16, 5),
    "stream/consumers": (16, 7),
    "readline/promises": (17, 0),
    "inspector/promises": (19, 0),
}
_LINES: Final = (
    "0.8.28",
    "0.10.48",
    "0.12.18",
    "4.9.1",
    "6.17.1",
    *(f"{even}.20.0" for even in range(8, 100, 2)),
)


def package_of(specifier: str) -> str | None:
    """Return the package that a specifier asks for; None: a path, a URL, an alias, or a module with a scheme.

    `lodash/fp` is `lodash`, `@a/b/c.js` is `@a/b`; `./a`, `/a`, `#a`, `node:fs`, `@/a` are none.
    """
    if specifier[:1] in ("", ".", "/", "#") or _SCHEME.match(specifier):
        return None
    found = _PACKAGE.fullmatch(specifier)
    return found[1] if found else None


def builtins(engine: str | None) -> frozenset[str]:
    """Return the names of the modules that Node itself has.

    Args:
        engine: the range of Node versions that the app asks for; the newest line in it is what it gets.
    """
    major, minor = _newest(engine)
    return frozenset(name for name, since in _SINCE.items() if since <= (major, minor))


def is_relative(specifier: str) -> bool:
    """Say whether a specifier is a path from the file it stands in."""
    return specifier.startswith(("./", "../")) or specifier in (".", "..")


def matches_alias(specifier: str, aliases: Iterable[str]) -> bool:
    """Say whether a specifier is one of a compiler's aliases, `@app/*` or `config`."""
    return any(
        specifier.startswith(alias[:-1]) if alias.endswith("*") else specifier == alias for alias in aliases
    )


def _newest(engine: str | None) -> tuple[int, int]:
    import nodesemver

    best = None
    if engine is not None and nodesemver.valid_range(engine, True) is not None:
        best = nodesemver.max_satisfying(list(_LINES), engine, True)
    if best is None:
        return (1_000, 0)
    major, minor = str(best).split(".")[:2]
    return int(major), int(minor)
