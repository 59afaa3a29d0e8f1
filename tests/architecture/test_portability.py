"""The client runs on Windows and macOS: what only POSIX has is used behind a look at where we are."""

from __future__ import annotations

import ast
import errno
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import jitsu_py
from jitsu_py import embedded, settings, tomlfile, updates

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(jitsu_py.__file__).parent

MODULES = {
    "fcntl",
    "termios",
    "tty",
    "pty",
    "pwd",
    "grp",
    "resource",
    "posix",
    "syslog",
    "readline",
    "curses",
}
"""Modules of the standard library that only POSIX has."""

CALLS = {
    "os": {
        *(
            "fork",
            "forkpty",
            "getuid",
            "geteuid",
            "getgid",
            "getegid",
            "setuid",
            "setgid",
            "setsid",
            "getpgid",
        ),
        *("setpgid", "killpg", "chown", "fchown", "fchmod", "lchown", "mkfifo", "mknod", "sysconf", "uname"),
        *("wait", "wait3", "wait4", "statvfs", "getloadavg", "openpty", "ttyname", "nice", "posix_spawn"),
        *("sched_getaffinity", "pread", "pwrite", "sync"),
    },
    "signal": {
        "SIGKILL",
        "SIGHUP",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "SIGCHLD",
        "SIGPIPE",
        "SIGWINCH",
        "SIGTSTP",
    }
    | {"SIGALRM", "alarm", "setitimer", "pause", "sigwait", "pthread_sigmask"},
    "socket": {"AF_UNIX", "SO_REUSEPORT"},
    "time": {"tzset"},
}
"""What is missing on Windows in modules that are there."""


def client_modules() -> Iterator[Path]:
    """Everything that is no part of the platform."""
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).parts
        if where[0] != "server" and where != ("commands", "server.py"):
            yield path


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Each node's parent."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def is_posix_only(node: ast.AST) -> str:
    """The name of what only POSIX has; empty for anything else."""
    if isinstance(node, ast.Import):
        return next((name.name for name in node.names if name.name in MODULES), "")
    if isinstance(node, ast.ImportFrom):
        if node.module in MODULES:
            return str(node.module)
        missing = CALLS.get(node.module or "", set())
        return next((name.name for name in node.names if name.name in missing), "")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.attr in CALLS.get(node.value.id, set()) else ""
    return ""


def looks(test: ast.AST) -> bool:
    """Whether a condition asks where we are."""
    text = ast.unparse(test)
    return "platform" in text or "hasattr" in text or "os.name" in text


def is_guarded(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether it is reached only where it is there."""
    at = node
    while (parent := above.get(at)) is not None:
        if isinstance(parent, ast.If | ast.IfExp) and looks(parent.test):
            return True
        if isinstance(parent, ast.Try) and any(
            handler.type is not None
            and ("ImportError" in (kind := ast.unparse(handler.type)) or "AttributeError" in kind)
            for handler in parent.handlers
        ):
            return True
        if isinstance(parent, ast.FunctionDef) and any(
            # An earlier statement left, or chose another way, where it is missing.
            (isinstance(one, ast.If) and looks(one.test) and isinstance(one.body[-1], ast.Return))
            or (isinstance(one, ast.Try) and "ImportError" in ast.unparse(one.handlers[0].type or one))
            for one in parent.body
            if isinstance(one, ast.If | ast.Try) and one.lineno < getattr(node, "lineno", 0)
        ):
            return True
        at = parent
    return False


def test_posix_is_guarded() -> None:
    """No client module imports or calls what Windows has not, but behind a guard."""
    found = []
    for path in client_modules():
        tree = ast.parse(path.read_text())
        above = parents(tree)
        for node in ast.walk(tree):
            if (name := is_posix_only(node)) and not is_guarded(node, above):
                found.append(f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)} {name}")
    assert found == []


@pytest.mark.parametrize(
    ("code", "guarded"),
    [
        ("import fcntl", False),
        ("try:\n    import fcntl\nexcept ImportError:\n    pass", True),
        ("def f():\n    os.fork()", False),
        ("if sys.platform != 'win32':\n    os.fork()", True),
        ("def f():\n    if sys.platform == 'win32':\n        return 1\n    os.killpg(1, 2)", True),
        ("from signal import SIGKILL", False),
        ("x = signal.SIGKILL if hasattr(signal, 'SIGKILL') else 9", True),
    ],
)
def test_the_guard_is_no_blind_one(code: str, guarded: bool) -> None:
    """The walk finds what it is there for."""
    tree = ast.parse(code)
    above = parents(tree)
    assert all(is_guarded(node, above) for node in ast.walk(tree) if is_posix_only(node)) is guarded


def test_locks_without_fcntl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where fcntl is missing msvcrt locks: one byte at the file's start, tried until it is free."""
    calls: list[tuple[int, int]] = []

    def locking(_number: int, mode: int, length: int) -> None:
        calls.append((mode, length))
        if len(calls) < 3:
            raise OSError(errno.EACCES, "held by another")

    fake = types.ModuleType("msvcrt")
    fake.LK_NBLCK, fake.locking = 2, locking  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    settings.save(tmp_path / "config.toml", None, "color", "never")
    assert calls == [(2, 1)] * 3
    assert tomlfile.read(tmp_path / "config.toml") == {"color": "never"}


def test_processes_are_not_asked_by_signal_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """os.kill(pid, 0) would end a process there: a platform that is said to run is believed."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    monkeypatch.setattr("os.kill", lambda *_: pytest.fail("os.kill was called"))
    assert embedded._same_process(1, 0.0)


def test_folders_are_the_systems_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings, state and cache lie where platformdirs says, unless the environment names a place."""
    import platformdirs

    for name in ("config", "data"):
        monkeypatch.setattr(
            platformdirs, f"user_{name}_dir", lambda app, name=name: str(tmp_path / name / app)
        )
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda app: tmp_path / "cache" / app)
    monkeypatch.delenv("JITSU_HOME", raising=False)
    assert settings.config_file({}) == tmp_path / "config" / "jitsu" / "config.toml"
    assert embedded.home() == tmp_path / "data" / "jitsu"
    assert updates.cache_file() == tmp_path / "cache" / "jitsu" / "update.json"
    monkeypatch.setenv("JITSU_HOME", str(tmp_path / "mine"))
    assert embedded.home() == tmp_path / "mine"
