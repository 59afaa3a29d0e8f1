"""Accounts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import invitations, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


@dataclass(frozen=True)
class User:
    """An account."""

    id: int
    name: str
    """Lower-case; unique."""
    email: str | None
    """Lower-case; unique."""
    password: str | None
    """argon2id hash; None: no password fits."""
    confirmed: bool
    ctime: float
    mtime: float
    locked: bool
    """May not log in; the apps go on."""
    doomed: bool
    """Is being removed with all its apps."""
    limits: dict[str, int] | None
    """By `limits.Limit`; None or left out: unlimited."""

    def __repr__(self) -> str:
        return f"User({self.name!r})"


def find(connection: Connection, name: str) -> User | None:
    """The account of that name, whatever its case."""
    row = connection.execute(select(users).where(users.c.name == name.lower())).one_or_none()
    return _user(row) if row else None


def get(connection: Connection, name: str) -> User:
    """The account of that name, whatever its case.

    Raises:
        PlatformError: NOT_FOUND.
    """
    user = find(connection, name)
    if user is None:
        raise PlatformError(Code.NOT_FOUND, f"There is no user {name}.")
    return user


def listed(connection: Connection) -> list[User]:
    """Every account, by name."""
    return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]


def email_taken(connection: Connection, email: str) -> bool:
    """Whether an account has this address, whatever its case."""
    return connection.execute(select(users.c.id).where(users.c.email == email.lower())).first() is not None


def create(
    connection: Connection, name: str, *, email: str | None, password: str | None, confirmed: bool
) -> User:
    """Add an account.

    Raises:
        PlatformError: NAME_TAKEN.
    """
    now = time.time()
    values = {
        "name": name.lower(),
        "email": email.lower() if email else None,
        "password": password,
        "confirmed": confirmed,
        "ctime": now,
        "mtime": now,
    }
    try:
        row = connection.execute(insert(users).values(values).returning(users)).one()
    except IntegrityError as error:
        raise PlatformError(Code.NAME_TAKEN, "An account of that name or e-mail exists.") from error
    return _user(row)


def change(connection: Connection, user_id: int, **values: Any) -> None:
    """Set columns of an account.

    Raises:
        PlatformError: NAME_TAKEN when another account has the e-mail.
    """
    if values.get("email"):
        values["email"] = values["email"].lower()
    try:
        connection.execute(update(users).where(users.c.id == user_id).values(**values, mtime=time.time()))
    except IntegrityError as error:
        raise PlatformError(Code.NAME_TAKEN, "An account with that e-mail exists.") from error


def remove(connection: Connection, user_id: int) -> None:
    """Delete an account with its tokens, codes and the rows of its apps."""
    connection.execute(delete(users).where(users.c.id == user_id))


def invite(connection: Connection, email: str) -> None:
    """Let somebody with this address sign up."""
    accept(connection, email)
    connection.execute(insert(invitations).values(email=email.lower(), ctime=time.time()))


def invited(connection: Connection, email: str) -> bool:
    """Whether somebody with this address may sign up."""
    query = select(invitations.c.email).where(invitations.c.email == email.lower())
    return connection.execute(query).first() is not None


def accept(connection: Connection, email: str) -> None:
    """Take an invitation back, since it was used."""
    connection.execute(delete(invitations).where(invitations.c.email == email.lower()))


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(**row._mapping)
