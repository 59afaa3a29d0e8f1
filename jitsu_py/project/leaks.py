"""Texts in a project's files that look like secrets: keys by their shape, passwords by their name."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Leak:
    """Something that looks like a secret."""

    path: str
    """From the project's folder."""
    line: int
    """From 1."""
    kind: str
    """What it looks like: "an AWS access key"."""
    shown: str
    """Its first characters, so that it can be found, and no more."""


# Each begins with a word to look for, which costs next to nothing where the word is not in a file.
_SHAPES: Final[tuple[tuple[str, bytes, bytes], ...]] = (
    ("an AWS access key", b"AKIA", rb"[0-9A-Z]{16}\b"),
    ("a temporary AWS access key", b"ASIA", rb"[0-9A-Z]{16}\b"),
    *(("a GitHub token", b"gh%c_" % kind, rb"[A-Za-z0-9]{36,}\b") for kind in b"pousr"),
    ("a GitHub token", b"github_pat_", rb"[A-Za-z0-9_]{60,}\b"),
    ("a GitLab token", b"glpat-", rb"[A-Za-z0-9_-]{20,}"),
    ("an npm token", b"npm_", rb"[A-Za-z0-9]{36}\b"),
    ("a Slack token", b"xox", rb"[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", b"hooks.slack.com/services/T", rb"[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}"),
    ("a Stripe key", b"sk_live_", rb"[A-Za-z0-9]{16,}"),
    ("a Stripe key", b"rk_live_", rb"[A-Za-z0-9]{16,}"),
    ("a Google API key", b"AIza", rb"[A-Za-z0-9_-]{35}\b"),
    ("a SendGrid key", b"SG.", rb"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}"),
    ("an OpenAI key", b"T3BlbkFJ", rb"[A-Za-z0-9_-]{16,}"),
    ("an Anthropic key", b"sk-ant-", rb"[A-Za-z0-9_-]{32,}"),
    ("a DigitalOcean token", b"dop_v1_", rb"[a-f0-9]{64}\b"),
    ("a Mailgun key", b"key-", rb"[a-f0-9]{32}\b"),
    ("a private key", b"PRIVATE KEY-----", rb"(?:\\[rn]|\s)+[A-Za-z0-9+/=]{30,}"),
    ("a password in a URL", b"://", rb"[^\s/:@'\"`<>{}$]*:([^\s/:@'\"`<>{}$]{3,})@[\w.-]+"),
)
_NAMES: Final = (
    b"password",
    b"passwd",
    b"secret",
    b"api_key",
    b"apikey",
    b"api-key",
    b"token",
    b"private_key",
)
_VALUE: Final = rb"""[\w-]{0,20}["']?\s*[:=]\s*["'`]([^"'`\s]{8,200})["'`]"""
_PLACEHOLDER: Final = re.compile(
    rb"x{4,}|\*{3,}|\.{3,}|^[<\[{]|\$\{|example|sample|dummy|changeme|your|placeholder|replace|insert|todo|fake"
    rb"|^(?:test|password|secret|undefined|null|localhost|admin|guest|root|user|pass)+\d*$|process\.env|%\w+%",
    re.IGNORECASE,
)
_LOCAL: Final = re.compile(
    rb"@(?:localhost|127\.0\.0\.1|\[::1\]|db|redis|mongo|postgres|mysql|host|example)(?![\w.-])"
)
_RANDOM: Final = 3.3  # bits a character: words have less, what a machine made up has more


def leaks(path: str, data: bytes) -> Iterator[Leak]:
    """Yield what looks like a secret in a file's content."""
    for kind, word, rest in _SHAPES:
        if word in data:
            for found in re.finditer(re.escape(word) + rest, data):
                if not _harmless(found, kind):
                    yield _leak(path, data, found.start(), found.group(), kind)
    lower = data.lower()
    for word in _NAMES:
        if word in lower:
            for found in re.finditer(word + _VALUE, lower):
                secret = data[found.start(1) : found.end(1)]
                if not _PLACEHOLDER.search(secret) and _made_up(secret):
                    yield _leak(path, data, found.start(1), secret, "a secret by its name")


def _harmless(found: re.Match[bytes], kind: str) -> bool:
    secret = found[1] if found.lastindex else found.group()
    return bool(_PLACEHOLDER.search(secret) or _LOCAL.search(found.group()))


def _made_up(text: bytes) -> bool:
    counts = Counter(text)
    bits = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    mixed = re.search(rb"[0-9]", text) and re.search(rb"[A-Za-z]", text)
    return bool(mixed and len(text) >= 12 and bits >= _RANDOM)


def _leak(path: str, data: bytes, at: int, secret: bytes, kind: str) -> Leak:
    shown = f"{secret[:6].decode('utf-8', 'replace')}…"
    return Leak(path, data.count(b"\n", 0, at) + 1, kind, shown)
