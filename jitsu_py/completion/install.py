"""Where a shell looks for completion scripts of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py import tomlfile
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Installed:
    """A script in its place."""

    file: Path
    changed: bool
    """Whether it was not there yet, to the letter."""
    next: str
    """What is left to do, for people."""


def put(shell: str, script: str, environ: Mapping[str, str]) -> Installed:
    """Write a script to where the shell finds it; no other file is touched.

    Raises:
        UsageError: it cannot be written.
    """
    file = place(shell, environ)
    try:
        changed = not file.exists() or file.read_bytes() != script.encode()
        if changed:
            file.parent.mkdir(parents=True, exist_ok=True)
            tomlfile.write_private(file, script)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    return Installed(file, changed, _next(shell, file))


def place(shell: str, environ: Mapping[str, str]) -> Path:
    """The file that bash-completion, zsh (once its folder is in `fpath`) and fish load by themselves."""
    home = Path(environ.get("HOME") or Path.home())
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "bash":
        folder = environ.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion"
        return Path(folder) / "completions" / "jitsu"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_jitsu"
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "fish" / "completions" / "jitsu.fish"


def _next(shell: str, file: Path) -> str:
    import shlex

    name = shlex.quote(str(file))
    if shell == "bash":
        return (
            "New shells load it where the package bash-completion is installed. Elsewhere add to ~/.bashrc:\n"
            f"  source {name}"
        )
    if shell == "zsh":
        return (
            "If ~/.zshrc does not name that folder yet, add this before its `compinit`, or at its end:\n"
            f"  fpath=({shlex.quote(str(file.parent))} $fpath); autoload -Uz compinit && compinit"
        )
    return "New shells load it."
