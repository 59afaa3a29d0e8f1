"""Errors of the way to the server: not reached, lost, too slow, or somebody else answers."""

from __future__ import annotations

from ssl import SSLError
from typing import TYPE_CHECKING

from urllib3 import exceptions

from jitsu_py.api.addresses import is_loopback
from jitsu_py.api.failures import CONNECTION_LOST, phrase
from jitsu_py.api.trust import untrusted
from jitsu_py.errors import TimedOutError, UnreachableError

if TYPE_CHECKING:
    from jitsu_py.errors import JitsuError

NOT_JITSU = "not_jitsu"
"""Code: something answers there, but it is no jitsu server."""

WHERE_HINT = "`jitsu host` shows which server is used and changes it"


def mishap(
    error: Exception, host: str, timeout: float, connect_timeout: float, *, reads: bool = False
) -> JitsuError:
    """Make ours of what the HTTP library raised, told apart by what it wraps.

    Args:
        error: what it raised.
        host: base URL of the server.
        timeout: seconds that its answer was waited for.
        connect_timeout: seconds that the connection was waited for.
        reads: the request changes nothing, so that it can be sent again without a thought.
    """
    causes = _causes(error)

    def wraps(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if wraps(SSLError, exceptions.SSLError):
        return untrusted(host, causes)
    if wraps(exceptions.ProxyError):
        return by_proxy(host, _reason(causes))
    if wraps(exceptions.ReadTimeoutError):
        return timed_out(host, timeout)
    why = ""
    if wraps(exceptions.NewConnectionError):
        why = _reason(causes)
    elif wraps(exceptions.ConnectTimeoutError):
        why = f"it did not take the connection within {min(connect_timeout, timeout):g} s"
    elif isinstance(error, ValueError):
        # An address or a header that cannot be sent: nothing left this machine.
        why = _without_passwords(str(error))
    return unreachable(host, why) if why else lost(host, _reason(causes), reads=reads)


def _causes(error: BaseException) -> list[BaseException]:
    """List an error and what it wraps, as reason, argument or cause, the innermost last."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        wrapped = [getattr(at, "reason", None), *at.args, at.__cause__, at.__context__]
        at = next((one for one in wrapped if isinstance(one, BaseException)), None)
    return found


def _reason(causes: list[BaseException]) -> str:
    """Find the system's word for it: `connection refused`."""
    system = next((one for one in causes if isinstance(one, OSError) and one.strerror), None)
    return _without_passwords(str(system.strerror if system else causes[-1]).lower())[:200]


def _without_passwords(text: str) -> str:
    """Star what stands before the host of an address: a proxy's may hold a password."""
    from re import sub

    return sub(r"//[^/@\s]*@", "//***@", text)


def unreachable(host: str, why: str) -> UnreachableError:
    """No connection came about; `why` is the system's word for it."""
    hint = (
        "`jitsu server status` tells whether it runs, `jitsu server start` starts it"
        if is_loopback(host)
        else f"is the network up? {WHERE_HINT}"
    )
    return UnreachableError(f"no server answers at {host} ({why})", hint=hint)


def by_proxy(host: str, why: str) -> UnreachableError:
    """The proxy that the environment names does not answer, or does not let us through."""
    return UnreachableError(
        f"the proxy does not lead to {host} ({why})",
        hint="HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name it; NO_PROXY lists what is reached without it",
        code="proxy",
    )


def lost(host: str, why: str, *, reads: bool = False) -> UnreachableError:
    """The connection broke while a request was under way: the server may have done what it asked."""
    went_on = "the server may have gone on: look with `jitsu view` before trying again"
    return UnreachableError(
        f"the connection to {host} was lost ({why})",
        hint=f"try again; {WHERE_HINT}" if reads else went_on,
        code=CONNECTION_LOST,
    )


def ended_early(host: str, got: int, length: int, *, request_id: str = "") -> UnreachableError:
    """A download stopped before its end; got, length: bytes."""
    return UnreachableError(
        f"{host} ended its reply early: {got} of {length} bytes arrived",
        hint="try again",
        code=CONNECTION_LOST,
        request_id=request_id,
        details={"received": got, "length": length},
    )


def timed_out(host: str, seconds: float) -> TimedOutError:
    """The server was reached and did not answer in time."""
    return TimedOutError(
        f"{host} did not answer within {seconds:g} seconds", hint="--timeout SECONDS gives it longer"
    )


def stranger(host: str, status: int, location: str) -> UnreachableError:
    """What answers is no jitsu server: another program, a proxy's own page, a redirect elsewhere."""
    if location and 300 <= status < 400:
        return UnreachableError(
            f"{host} sends on to another address, {location[:200]}: credentials are not sent there",
            hint="if that is your server, name it: `jitsu host URL`",
            code=NOT_JITSU,
            details={"status": status, "location": location[:200]},
        )
    return UnreachableError(
        f"what answers at {host} is no jitsu server (it said {phrase(status)}, not x-powered-by Nodejitsu)",
        hint=f"another program or a proxy's own page? {WHERE_HINT}",
        code=NOT_JITSU,
        details={"status": status},
    )
