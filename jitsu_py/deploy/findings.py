"""What a look at the code tells before it is sent: with file and line, and never in the way of a deploy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from jitsu_py.project.manifest import Manifest
    from jitsu_py.project.packlist import PackFile
    from jitsu_py.project.report import Missing, Report


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the code that may keep the app from running, or should not be there."""

    kind: str
    """`missing`, `development`, `variable`, `secret`, `dynamic`, or `skipped`: what was not looked at."""
    name: str
    """Of the module or the variable; what kind of secret, or which expression."""
    path: str
    """From the project's folder; empty: of no file."""
    line: int
    """From 1."""
    message: str
    """For people, with file and line."""
    warning: bool
    """Whether a person should hear of it at every deploy; else it is for who asks."""


def findings(
    folder: Path, files: Sequence[PackFile], manifest: Manifest, variables: Collection[str]
) -> tuple[Finding, ...]:
    """Look through the code that would be packed; nothing where package.json says `"analyze": false`.

    Args:
        folder: the project's.
        files: what would be packed.
        manifest: the project's.
        variables: names of those that the app will have.
    """
    if manifest.data.get("analyze") is False:
        return ()
    try:
        from jitsu_py.project.analyzer import analyze

        return tuple(_told(analyze(folder, files, manifest), variables))
    except Exception as error:
        # Advice is no reason to fail: whatever is odd about the code, npm and Node have the last word.
        return (_finding("skipped", "", "", 0, f"the code was not analyzed: {error!r}", warning=False),)


def _told(report: Report, variables: Collection[str]) -> Iterator[Finding]:
    for missing in report.missing:
        yield _missing(missing)
    for leak in report.secrets:
        message = f"this looks like {leak.kind} ({leak.shown}); everybody who gets the code gets it"
        yield _finding("secret", leak.kind, leak.path, leak.line, message)
    for variable in report.unset(variables):
        use, name = variable.uses[0], variable.name
        message = f"{name} is read, and the app has no such variable; `jitsu env set {name}` sets it"
        yield _finding("variable", name, use.path, use.line, message)
    for use in report.dynamic:
        message = f"which module this asks for shows when it runs: {use.text}"
        yield _finding("dynamic", use.text, use.path, use.line, message, warning=False)
    for use in report.skipped:
        yield _finding("skipped", "", use.path, use.line, f"not looked at: {use.text}", warning=False)


def _missing(missing: Missing) -> Finding:
    from jitsu_py.project.declared import Standing

    use, name = missing.uses[0], missing.name
    develops = missing.standing is Standing.DEVELOPMENT
    where = "only in devDependencies" if develops else "not in package.json"
    message = f"{name} is asked for and {where}; `npm install {name}{' --save-prod' if develops else ''}`"
    kind = "development" if develops else "missing"
    return _finding(kind, name, use.path, use.line, message, warning=not missing.optional)


def _finding(kind: str, name: str, path: str, line: int, message: str, *, warning: bool = True) -> Finding:
    return Finding(kind, name, path, line, f"{path}:{line}: {message}" if path else message, warning)
