"""The client's errors. A class knows its exit code; an instance says what happened and what to do next.

Nothing below the command line prints an error: it raises one of these, and `cli.main` shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class JitsuError(Exception):
    """The root: something a person should read.

    Args:
        message: what happened and why, one sentence.
        hint: what to type or change next; may be empty.
        code: the stable name of the situation: a `wire.Code` where the server said it.
        request_id: of the request that failed, to be found in the server's log.
        output: what the app or the build printed last, oldest line first.
        details: more facts, for `--json`.
    """

    exit_code: ClassVar[int] = 1
    code: str = "error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        request_id: str = "",
        output: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or type(self).code
        self.request_id = request_id
        self.output = tuple(output)
        self.told = False
        """Whether that output was shown already, as it came."""
        self.details = dict(details or {})


class ReaderLeftError(BaseException):
    """Nobody reads stdout any more.

    Like KeyboardInterrupt no `Exception`: it ends a wait inside a library, which would take a mere
    BrokenPipeError for a broken connection of its own.
    """


class UsageError(JitsuError):
    """The command line, a setting or an answer cannot be used."""

    exit_code = 2
    code = "usage"


class NotLoggedInError(JitsuError):
    """No credentials, or the server refuses them or what they ask for."""

    exit_code = 3
    code = "not_logged_in"


class NotFoundError(JitsuError):
    """There is no such app, snapshot, user, token or database."""

    exit_code = 4
    code = "not_found"


class ConflictError(JitsuError):
    """A name, subdomain or snapshot id is taken, or the state forbids the change."""

    exit_code = 5
    code = "conflict"


class ProjectError(JitsuError):
    """The project on disk cannot be deployed as it is: package.json, start script, files."""

    exit_code = 6
    code = "project"


class BuildFailedError(JitsuError):
    """The server could not turn the archive into something that runs."""

    exit_code = 7
    code = "build_failed"


class StartFailedError(JitsuError):
    """The new version did not start; the old one, if there was one, still serves."""

    exit_code = 8
    code = "start_failed"


class UnreachableError(JitsuError):
    """No server answered."""

    exit_code = 9
    code = "unreachable"


class TimedOutError(JitsuError):
    """The server took longer than it may."""

    exit_code = 10
    code = "timed_out"


class ServerRefusedError(JitsuError):
    """The server is there and cannot or will not: a full disk, a limit, a fault of its own."""

    exit_code = 11
    code = "server_refused"


class InterruptedByUserError(JitsuError):
    """^C; the message says what goes on on the server."""

    exit_code = 130
    code = "interrupted"
