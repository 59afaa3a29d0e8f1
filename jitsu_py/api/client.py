"""The one object to hold: a server, an account, and the API's nouns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py import __version__
from jitsu_py.api.addresses import base_url
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
from jitsu_py.api.transport import Transport
from jitsu_py.api.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self


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
        self.apps = Apps(self._transport, username)
        self.certs = Certs(self._transport, username)
        self.snapshots = Snapshots(self._transport, username)
        self.users = Users(self._transport, username)
        self.tokens = Tokens(self._transport, username)
        self.thirdparty = ThirdParty(self._transport, username)
        self.databases = Databases(self._transport, username)
        self.backups = Backups(self._transport, username)
        self.logs = Logs(self._transport, username)
        self.drains = Drains(self._transport, username)
        self.system = System(self._transport)

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
