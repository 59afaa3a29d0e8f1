"""What may be a name: npm's rules for packages, DNS's for subdomains, and the nearest one that fits."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 214
"""Longest package name, characters (npm's)."""

LONGEST_LABEL: Final = 63
"""Longest label of a host name, characters (RFC 1035)."""

_URL_SAFE = r"[A-Za-z0-9\-_.!~*'()]+"  # what JavaScript's encodeURIComponent leaves alone
_NAME = re.compile(rf"(?:@{_URL_SAFE}/)?{_URL_SAFE}")
_LABEL = re.compile(rf"[a-z0-9](?:[a-z0-9_-]{{0,{LONGEST_LABEL - 2}}}[a-z0-9])?")
_TAKEN_BY_NPM = frozenset({"node_modules", "favicon.ico"})


def npm_objection(name: str) -> str:
    """Return why npm refuses the name, or nothing; capitals pass, since old packages have them."""
    if not 0 < len(name) <= LONGEST_NAME:
        return f"it is empty or longer than {LONGEST_NAME} characters"
    if name.lower() in _TAKEN_BY_NPM:
        return "npm keeps it for itself"
    if name[0] in "._-":
        return f'it begins with "{name[0]}"'
    if name.startswith("@") and "/." in name:
        return 'it begins with "." behind the scope'
    if not _NAME.fullmatch(name):
        return "only letters, digits and -_.!~*'() may be in it, behind an optional @scope/"
    return ""


def package_name(text: str) -> str:
    """Return the package name nearest to a folder's name or to a name that npm refuses."""
    scope, slash, rest = text.partition("/")
    if scope.startswith("@") and slash:
        owner, name = _plain(scope[1:]), _plain(rest)
        return f"@{owner}/{name}" if owner and name else name or owner or "app"
    name = _plain(text)
    return "app" if not name or npm_objection(name) else name


def is_label(text: str) -> bool:
    """Say whether the text, in lower case, is a subdomain that the platform takes."""
    return _LABEL.fullmatch(text) is not None


def label(name: str) -> str:
    """Return the subdomain that follows from a name: `@acme/My_app` becomes `acme-my-app`."""
    plain = re.sub(r"[^a-z0-9]+", "-", _ascii(name)).strip("-")[:LONGEST_LABEL].strip("-")
    return plain or "app"


def shell_word(path: str) -> str:
    """Return the path quoted for a start script where it needs it."""
    import shlex

    return shlex.quote(path)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", _ascii(text)).strip("-._")[:100].strip("-._")


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return folded.lower()
