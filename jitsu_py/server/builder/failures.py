"""Names for what goes wrong in a build, found in what the tools print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jitsu_py.server.builder.failure_classes import MANAGER_FAILURES, SCRIPT_FAILURES
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jitsu_py.server.builder.failure_classes import Failure
    from jitsu_py.wire import Code

TAIL: Final = 20
"""Lines of a tool's output that go into an error."""

NOISE: Final = re.compile(
    r"npm (?:warn|WARN) (?:config )?[Uu]nknown (?:user|env|builtin|global) config"
    r"|npm (?:error|ERR!) (?:Log files were not written|A complete log of this run)"
)
"""What npm says of the server's own configuration: nothing to whoever deploys."""

KILLED: Final = (-9, 137)
"""Exit codes of what was killed; a shell would say "Killed"."""

EMPTY: Final = re.compile(r"(?:npm (?:error|ERR!))?\s*$")
"""Lines that fill an error of twenty lines for nothing."""

USAGE: Final = re.compile(r"npm (?:error|ERR!) Usage:$")
"""Where npm's own help begins, which goes on to the end of its output."""


def name_failure(output: Sequence[str], *, code: Code, doing: str, exit_code: int) -> PlatformError:
    """Say why a tool failed.

    Args:
        output: its lines.
        code: the error's code, unless the failure has one of its own.
        doing: what it was to do, for a failure without a name: `doing` + " failed".
        exit_code: the tool's; negative: the signal that ended it.

    Returns:
        An error whose details have `hint`, `output` (the last lines that tell something), `failure` (the
        class's name, or the code) and `exit`.
    """
    text = "\n".join(output)
    if exit_code in KILLED:
        text += "\nKilled"
    for failure in (*MANAGER_FAILURES, *SCRIPT_FAILURES):
        found = re.search(failure.pattern, text, re.MULTILINE)
        if found:
            what = next((value for value in found.groupdict().values() if value), "")
            return _error(failure, what, output, code, exit_code)
    return _unknown(output, code, doing, exit_code)


def _error(failure: Failure, what: str, output: Sequence[str], code: Code, exit_code: int) -> PlatformError:
    return PlatformError(
        failure.code or code,
        failure.message.format(what=what or "see the output"),
        blame=failure.blame,
        details={
            "failure": failure.name,
            "hint": failure.hint.format(),
            "output": telling(output),
            "exit": exit_code,
        },
    )


def _unknown(output: Sequence[str], code: Code, doing: str, exit_code: int) -> PlatformError:
    how = f"with exit code {exit_code}" if exit_code >= 0 else f"by signal {-exit_code}"
    return PlatformError(
        code,
        f"{doing} failed {how}.",
        blame=Blame.APPLICATION,
        details={
            "failure": code.value,
            "hint": "Its output says why; the same command in the project should show the same.",
            "output": telling(output),
            "exit": exit_code,
        },
    )


def is_noise(line: str) -> bool:
    """Whether a line tells nothing to whoever deploys."""
    return NOISE.match(line) is not None


def is_usage(line: str) -> bool:
    """Whether npm's own help begins with a line, which goes on to the end of its output."""
    return USAGE.match(line) is not None


def telling(output: Iterable[str]) -> list[str]:
    """The last lines of a tool's output, without what tells nothing."""
    kept: list[str] = []
    for line in output:
        if is_usage(line):
            break
        if not EMPTY.match(line):
            kept.append(line)
    return kept[-TAIL:]
