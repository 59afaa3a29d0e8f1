"""What the owner of a state folder does with its accounts and its key, whether a server runs or not.

A running server sees every change with its next request: it asks the store's version each time. The two do
not get into each other's way: each change is one transaction, and SQLite lets in one writer at a time while
the other waits (10 s). What cannot be done under a running server is refused while one holds the folder: a
new key, and a newer schema.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import Column, LargeBinary, Table, select, update

from jitsu_py import wire
from jitsu_py.server import accounts, letters, limits, run
from jitsu_py.server import settings as settings_file
from jitsu_py.server.address import Address
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.mail import Mailer
from jitsu_py.server.store import Store, codes, load_sealer, open_store, schema, sealing, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from jitsu_py.server.store.users import User

SEALED = (
    schema.apps.c.env,
    schema.releases.c.env,
    schema.thirdparty.c.token,
    schema.databases.c.secret,
    schema.drains.c.url,
    schema.certificates.c.key,
)
"""Every column whose values are sealed."""


@dataclass(frozen=True)
class Account:
    """What an administrator sees of an account."""

    name: str
    email: str | None
    confirmed: bool
    locked: bool
    leaving: bool
    """Is being removed; without a running server, at its next start."""
    limits: Mapping[str, int]
    """By name, with the units of `limits.UNITS`; what is left out is unlimited."""
    used: Mapping[str, int]
    """What there is now, by the same names, all of them."""
    ctime: float
    """Epoch seconds."""


def listed(home: Path) -> list[Account]:
    """Every account, by name."""
    with _store(home) as store, store.read() as connection:
        used = limits.used(connection)
        return [_account(user, used) for user in users.listed(connection)]


def one(home: Path, name: str) -> Account:
    """The account of that name.

    Raises:
        PlatformError: NOT_FOUND.
    """
    with _store(home) as store, store.read() as connection:
        return _account(users.get(connection, name), limits.used(connection))


def invite(home: Path, email: str) -> None:
    """Let somebody sign up, and tell them by mail.

    Raises:
        PlatformError: BAD_REQUEST for what is no address; NAME_TAKEN when an account has it; FORBIDDEN where
            nobody may sign up, invited or not.
    """
    address = accounts.email_address(email)
    with _store(home) as store, store.write() as connection:
        if users.email_taken(connection, address):
            raise PlatformError(Code.NAME_TAKEN, f"An account with the e-mail {address} exists.")
        _check_open(home)
        users.invite(connection, address)
    _mailer(home).post(address, letters.invitation(address, host(home)))


def create(home: Path, name: str, email: str) -> str:
    """Make an account and mail its code.

    Returns:
        The code, for a server without a mail server.

    Raises:
        PlatformError: BAD_REQUEST, NAME_TAKEN.
    """
    name, address = accounts.user_name(name, {}), accounts.email_address(email)
    with _store(home) as store, store.write() as connection:
        user = users.create(connection, name, email=address, password=None, confirmed=False)
        code = codes.issue(connection, user.id, "confirm")
    _mailer(home).post(address, letters.confirm(name, code, host(home)))
    return code


def confirm(home: Path, name: str) -> str | None:
    """Confirm an account without its code.

    Returns:
        With this code its owner sets a password; None: there is one.

    Raises:
        PlatformError: NOT_FOUND.
    """
    with _changing(home, name) as (connection, user):
        users.change(connection, user.id, confirmed=True)
        codes.revoke(connection, user.id, "confirm")
        return codes.issue(connection, user.id, "password") if user.password is None else None


def lock(home: Path, name: str, *, locked: bool = True) -> None:
    """Keep somebody from logging in, or no longer; their apps go on.

    Raises:
        PlatformError: NOT_FOUND.
    """
    with _changing(home, name) as (connection, user):
        users.change(connection, user.id, locked=locked)


def remove(home: Path, name: str) -> None:
    """Remove an account with all its apps: at once by a running server, else at its next start.

    Raises:
        PlatformError: NOT_FOUND; FORBIDDEN for this machine's own account.
    """
    with _changing(home, name) as (connection, user):
        accounts.doom(connection, user)


def limit(home: Path, name: str, wanted: Mapping[str, int | None]) -> Account:
    """Set limits of an account; None takes one away, those not named stay.

    Raises:
        PlatformError: NOT_FOUND; BAD_REQUEST for an unknown limit or a negative number.
    """
    for key, value in wanted.items():
        if key not in limits.UNITS:
            raise PlatformError(
                Code.BAD_REQUEST, f"There is no limit {key}; there are {', '.join(limits.UNITS)}."
            )
        if value is not None and value < 0:
            raise PlatformError(Code.BAD_REQUEST, f"The limit {key} is a number from 0 on, not {value}.")
    with _changing(home, name) as (connection, user):
        merged = {**(user.limits or {}), **wanted}
        kept = {key: value for key, value in merged.items() if value is not None}
        users.change(connection, user.id, limits=kept)
        return _account(users.get(connection, name), limits.used(connection))


def rotate_key(home: Path) -> int:
    """Seal everything anew with a new key; the old one opens nothing afterwards.

    Whatever interrupts it leaves a folder that can be read, and it can be run again.

    Returns:
        How many values were sealed anew.

    Raises:
        PlatformError: UNAVAILABLE while a server runs.
    """
    settings_file.prepare(home)
    if run.is_held(home):
        raise PlatformError(
            Code.UNAVAILABLE,
            f"A server runs for {home} and holds the old key: `jitsu server stop`, then try again.",
        )
    with run.hold(home):
        load_sealer(home)  # makes the first key in a folder that has none yet
        sealing.add_key(home)
        # Whoever holds the folder is this very process.
        with _store(home, upgrade=True) as store, store.write() as connection:
            count = sum(_reseal(connection, store, column) for column in SEALED)
        sealing.drop_old_keys(home)
    return count


def _reseal(connection: Connection, store: Store, column: Column[bytes]) -> int:
    assert isinstance(column.type, LargeBinary)
    table = column.table
    assert isinstance(table, Table)
    rows = connection.execute(select(table.c.id, column)).all()
    for row_id, sealed in rows:
        fresh = store.sealer.seal(store.sealer.open(sealed))
        connection.execute(update(table).where(table.c.id == row_id).values({column.name: fresh}))
    return len(rows)


@contextmanager
def _store(home: Path, *, upgrade: bool | None = None) -> Iterator[Store]:
    settings_file.prepare(home)
    store = open_store(home, load_sealer(home), upgrade=not run.is_held(home) if upgrade is None else upgrade)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _changing(home: Path, name: str) -> Iterator[tuple[Connection, User]]:
    with _store(home) as store, store.write() as connection:
        yield connection, users.get(connection, name)


def _account(user: User, used: Mapping[int, Mapping[str, int]]) -> Account:
    return Account(
        name=user.name,
        email=user.email,
        confirmed=user.confirmed,
        locked=user.locked,
        leaving=user.doomed,
        limits=user.limits or {},
        used=used.get(user.id) or dict.fromkeys(limits.UNITS, 0),
        ctime=user.ctime,
    )


def _mailer(home: Path) -> Mailer:
    return Mailer(home / "outbox", settings_file.load(home).mail)


def _check_open(home: Path) -> None:
    """An invitation that the server would not honour is worse than none."""
    if settings_file.load(home).accounts.sign_up == "closed":
        hint = "`jitsu server users create` makes the account at once, and prints its code"
        said = (
            "This server takes no sign-ups, and so no invitations: "
            f'set sign_up = "invited" in [accounts] of {home / settings_file.FILE}, and restart it.'
        )
        raise PlatformError(Code.FORBIDDEN, said, details={"hint": hint})


def host(home: Path) -> str:
    """Where people elsewhere find the API."""
    settings, running = settings_file.load(home), run.status(home)
    api, router = settings.api, settings.router
    port = urlsplit(running.api).port if running else None
    return Address(
        api.address,
        port or api.port or wire.API_PORT,
        router.port or wire.ROUTER_PORT,
        router.https,
        api.host,
    ).public
