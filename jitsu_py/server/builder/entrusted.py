"""Tokens that an app's owner entrusted to the platform, laid out for one build where its tools look for them.

They stand in files of the build's own home, readable by its user alone, and go with it: never on a command
line, nor in the environment. What a build runs may read them, as it may read its owner's code.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

GITHUB: Final = "https://github.com"

GITHUB_PACKAGES: Final = "https://npm.pkg.github.com"
"""GitHub's registry; a token for GitHub opens it too."""

SECRET: Final = re.compile(r"(?i)[^=]*(?:_auth(?:token)?|_password|username|certfile|keyfile)\s*=")
"""Lines of an .npmrc that hold somebody's credentials."""

HIDDEN: Final = "[hidden]"


@dataclass(frozen=True)
class Entrusted:
    """One token."""

    provider: str
    """`github` or `git`: for repositories; `npm`: for a registry."""
    url: str
    """Where it is for: scheme, host and, of a registry, path."""
    token: str = field(repr=False)
    """The secret; of `git` also `user:password`."""


@dataclass(frozen=True)
class Keys:
    """What one build may open."""

    npmrc: Path | None
    """npm configuration of whoever runs the server."""
    tokens: tuple[Entrusted, ...] = ()
    """Those of the app's owner, the newest last."""
    own_server: bool = True
    """The owner runs the server too; anybody else's build gets none of that one's credentials."""

    def hide(self, text: str) -> str:
        """A line of a tool's without the secrets in it."""
        for one in self.tokens:
            for secret in {one.token, quote(one.token, safe="")}:
                text = text.replace(secret, HIDDEN)
        return text


RETRIES: Final = "fetch-retry-mintimeout=2000\nfetch-retry-maxtimeout=15000\n"
"""How long npm waits, milliseconds, before it tries a download again. By itself it waits 10 s and 60 s:
somebody is there who should hear sooner of a registry that does not answer, or a hash that is wrong."""


def lay_out(home: Path, keys: Keys) -> Path:
    """Write npm's, yarn's and git's configuration for one build.

    Args:
        home: the build's HOME.
        keys: what it may open.

    Returns:
        npm's configuration for the build; the server's own and the project's come before it.
    """
    tokens = keys.tokens
    registries = {one.url: one.token for one in tokens if one.provider == "npm"}
    hosts = {one.url: one.token for one in tokens if one.provider in ("github", "git")}
    if GITHUB in hosts:
        registries.setdefault(GITHUB_PACKAGES, hosts[GITHUB])
    if hosts:
        _write(home / ".gitconfig", _git_config(list(hosts)))
        _write(home / ".git-credentials", "".join(_login(url, hosts[url]) for url in hosts))
    if registries:
        _write(home / ".yarnrc.yml", _yarn_settings(registries))
    server = _text(keys.npmrc) if keys.npmrc is not None else ""
    if not keys.own_server:
        server = "".join(line for line in server.splitlines(True) if not SECRET.match(line))
    lines = [f"{_key(url)}:_authToken={token}\n" for url, token in registries.items()]
    return _write(home / ".npmrc", "".join([RETRIES, server, "\n", *lines]))


def _key(url: str) -> str:
    """How npm names a registry in front of its credentials."""
    return url.partition(":")[2].rstrip("/") + "/"


def _git_config(urls: list[str]) -> str:
    rewritten = []
    for url in urls:
        host = urlsplit(url).hostname
        others = (f"ssh://git@{host}/", f"git@{host}:", f"git://{host}/")
        rewritten.append(f'[url "{url}/"]\n' + "".join(f"\tinsteadOf = {other}\n" for other in others))
    return "[credential]\n\thelper =\n\thelper = store\n" + "".join(rewritten)


def _login(url: str, token: str) -> str:
    scheme, _, place = url.partition("://")
    user, colon, password = token.partition(":")
    if not colon:
        user, password = "x-access-token", token  # GitHub's word for it; others take any name
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place.partition('/')[0]}\n"


def _yarn_settings(registries: dict[str, str]) -> str:
    # JSON is YAML.
    told = {
        _key(url).rstrip("/"): {"npmAuthToken": token, "npmAlwaysAuth": True}
        for url, token in registries.items()
    }
    return json.dumps({"npmRegistries": told})


def _write(path: Path, text: str) -> Path:
    path.touch(0o600, exist_ok=False)
    path.write_text(text, "utf-8", "surrogateescape")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
