"""The one object to hold: a server, an account, and the API's nouns.

A noun is loaded when it is first named: each costs about a millisecond, and a command line needs one or two.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jitsu_py import __version__
from jitsu_py.api.addresses import base_url
from jitsu_py.api.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from jitsu_py.api.apps import Apps
    from jitsu_py.api.backups import Backups
    from jitsu_py.api.certs import Certs
    from jitsu_py.api.databases import Databases
    from jitsu_py.api.drains import Drains
    from jitsu_py.api.logs import Logs
    from jitsu_py.api.snapshots import Snapshots
    from jitsu_py.api.system import System
    from jitsu_py.api.thirdparty import ThirdParty
    from jitsu_py.api.tokens import Tokens
    from jitsu_py.api.users import Users


class Client:
    """A server seen by one account. Close it, or use it in a `with`.

    Nothing is sent until a route is called, and then over as few connections as can be. One thread at
    a time may use it.

    Args:
        host: base URL, e.g. `http://127.0.0.1:9002`.
        username: of the account; empty for calls that need no login.
        secret: its password or a token; empty: nothing is sent that proves who asks.
        timeout: seconds without a byte, and for a whole JSON reply, before a `TimedOutError`.
        verify: whether to check certificates, or the path of a CA bundle.
        user_agent: what the server's log calls this program.
        trace: told of each request in one line, with its timing, never of a body or a secret.

    Raises:
        UsageError: the host is no http(s) address.
    """

    def __init__(
        self,
        host: str,
        username: str = "",
        secret: str = "",
        *,
        timeout: float = 30,
        verify: bool | str = True,
        user_agent: str = f"jitsu/{__version__}",
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.host = base_url(host)
        self.username = username
        self._transport = Transport(
            self.host,
            username,
            secret,
            timeout=timeout,
            verify=verify,
            user_agent=user_agent,
            trace=trace,
        )

    @cached_property
    def apps(self) -> Apps:
        """Applications, their drones and figures."""
        from jitsu_py.api.apps import Apps

        return Apps(self._transport, self.username)

    @cached_property
    def certs(self) -> Certs:
        """Certificates for the apps' domains."""
        from jitsu_py.api.certs import Certs

        return Certs(self._transport, self.username)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Uploaded versions of an app."""
        from jitsu_py.api.snapshots import Snapshots

        return Snapshots(self._transport, self.username)

    @cached_property
    def users(self) -> Users:
        """Accounts."""
        from jitsu_py.api.users import Users

        return Users(self._transport, self.username)

    @cached_property
    def tokens(self) -> Tokens:
        """What scripts log in with."""
        from jitsu_py.api.tokens import Tokens

        return Tokens(self._transport, self.username)

    @cached_property
    def thirdparty(self) -> ThirdParty:
        """Tokens for GitHub, npm and the like."""
        from jitsu_py.api.thirdparty import ThirdParty

        return ThirdParty(self._transport, self.username)

    @cached_property
    def databases(self) -> Databases:
        """Databases of apps."""
        from jitsu_py.api.databases import Databases

        return Databases(self._transport, self.username)

    @cached_property
    def backups(self) -> Backups:
        """Backups of databases."""
        from jitsu_py.api.backups import Backups

        return Backups(self._transport, self.username)

    @cached_property
    def logs(self) -> Logs:
        """What apps printed."""
        from jitsu_py.api.logs import Logs

        return Logs(self._transport, self.username)

    @cached_property
    def drains(self) -> Drains:
        """Where lines of logs are shipped to."""
        from jitsu_py.api.drains import Drains

        return Drains(self._transport, self.username)

    @cached_property
    def system(self) -> System:
        """The platform itself."""
        from jitsu_py.api.system import System

        return System(self._transport)

    def __repr__(self) -> str:
        return f"Client({self.host!r}, {self.username!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
