"""Which HAProxy is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.router import binary, find_haproxy

if TYPE_CHECKING:
    from pathlib import Path


def pretend(folder: Path, said: str) -> Path:
    """A program `haproxy` that prints this."""
    program = folder / "haproxy"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("HAProxy version 3.2.1-1 2025/06/10 - https://haproxy.org/", (3, 2)),
        ("HA-Proxy version 2.0.13-2 2020/02/15", (2, 0)),
        ("not at all", ()),
    ],
)
def test_router_version(tmp_path: Path, said: str, version: tuple[int, ...]) -> None:
    """A binary's version is what it says itself."""
    assert binary.version_of(pretend(tmp_path, said)) == version


def test_router_version_broken(tmp_path: Path) -> None:
    """A file that does not run has no version."""
    assert binary.version_of(tmp_path / "none") == ()


def test_router_find_prefers_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's HAProxy is used if it is new enough; an older one is passed over for the packaged one."""
    found = pretend(tmp_path, "HAProxy version 3.0.5 2024/09/19")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find_haproxy() == found
    pretend(tmp_path, "HAProxy version 2.4.22 2023/02/14")
    assert find_haproxy() != found
