"""Why a drone did not come up, as errors of the API."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING

from jitsu_py.server.drones.engine import MIB
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.server.drones.engine import DroneSpec, Exit, Process

TRACE = 200
"""Lines that V8 prints at most after the one that says why it gives up."""


class BootFailed(PlatformError):  # noqa: N818 - it names an event of the deploy, as the API does
    """A drone did not come up. `details`: `output` (lines, oldest first), `exit_code`, `signal`."""

    @classmethod
    def crashed(cls, spec: DroneSpec, ending: Exit, output: Sequence[str]) -> BootFailed:
        """It ended before it listened."""
        if ending.allowed is not None:
            more = f"jitsu cloud --ram {2 * ending.allowed // MIB}"
            advice = f"Give it more ({more}, say), or have it use less."
        elif ending.code == 0:
            advice = "The start script must stay in the foreground and listen on a port (process.env.PORT)."
        else:
            advice = "Its last lines show why; mend it and deploy again."
        return cls(
            Code.CRASHED,
            f"{spec.app} ended {ending.words()} before it listened on a port. {advice}",
            blame=Blame.APPLICATION,
            details={"output": list(output), "exit_code": ending.code, "signal": ending.signal},
        )

    @classmethod
    def never_listened(cls, spec: DroneSpec, output: Sequence[str]) -> BootFailed:
        """Its boot time passed."""
        return cls(
            Code.NEVER_LISTENED,
            f"{spec.app} did not listen on a port within {spec.boot:g} seconds. Call listen() with "
            "process.env.PORT, and only after that do what takes long.",
            blame=Blame.APPLICATION,
            details={"output": list(output), "exit_code": None, "signal": None},
        )

    @classmethod
    def never_well(cls, spec: DroneSpec, ailment: str, output: Sequence[str]) -> BootFailed:
        """It listened, and failed its health check until its boot time passed."""
        return cls(
            Code.UNHEALTHY,
            f"{spec.app} listens, but did not pass its health check within {spec.boot:g} seconds: {ailment}.",
            blame=Blame.APPLICATION,
            details={"output": list(output), "exit_code": None, "signal": None, "ailment": ailment},
        )


def not_launched(spec: DroneSpec, error: Exception) -> PlatformError:
    """The engine could not start the process: mostly the machine's fault."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.E2BIG:
        return PlatformError(
            Code.LIMIT_REACHED,
            f"The environment variables of {spec.app} are larger than this machine hands to a program: "
            "remove some, or put large values into files.",
            details={"bytes": sum(len(name) + len(value) for name, value in spec.env.items())},
        )
    return PlatformError(
        Code.DISK_FULL if number in {errno.ENOSPC, errno.EDQUOT} else Code.INTERNAL,
        f"The drone of {spec.app} could not be launched: {error}.",
        blame=Blame.SYSTEM,
    )


def given_up(spec: DroneSpec) -> PlatformError:
    """It was stopped before it was ready."""
    return PlatformError(
        Code.UNAVAILABLE,
        f"The start of {spec.app} was given up: the drone was stopped, or the server is stopping.",
        blame=Blame.SYSTEM,
    )


def explained(ending: Exit, process: Process) -> Exit:
    """The ending with its cause, where V8 told it before it gave up."""
    if ending.signal not in {"SIGABRT", "SIGTRAP", "SIGILL"}:  # which one depends on Node's age
        return ending
    told = any("heap out of memory" in line for line in process.output(TRACE))
    return replace(ending, out_of_memory=told)
