"""What the builds of an account's apps may open: the tokens that it entrusted to the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server.builder.entrusted import Entrusted
from jitsu_py.server.store import remembered, thirdparty

if TYPE_CHECKING:
    from jitsu_py.server.store import Store


def entrusted(store: Store, user: str) -> tuple[Entrusted, ...]:
    """The tokens of an account, opened, the newest last.

    Raises:
        PlatformError: they were sealed with another key.
    """
    with store.read() as connection:
        kept = thirdparty.entrusted(connection, user)
    opened = [(provider, store.sealer.open(sealed)) for provider, sealed in kept]
    return tuple(
        Entrusted(provider, thirdparty.url_of(provider, facts), facts["token"]) for provider, facts in opened
    )


def runs_the_server(store: Store, user: str) -> bool:
    """Whether an account is that of whoever runs the server."""
    with store.read() as connection:
        return remembered.recall(connection, "local.user") == user
