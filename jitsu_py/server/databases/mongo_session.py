"""Talks to a MongoDB server as its one user."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jitsu_py.server.databases.addresses import HOST, mongo_name
from jitsu_py.server.databases.kinds import RefusedError, UnreachableError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo import MongoClient

    from jitsu_py.server.databases.kinds import Site


@contextmanager
def session(site: Site, password: str | None) -> Iterator[MongoClient[dict[str, Any]]]:
    """A connection; its errors are UnreachableError, RefusedError and UnusableError.

    Args:
        password: None: log in as nobody.
    """
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError

    login: dict[str, Any] = {}
    if password is not None:
        login = {"username": site.account, "password": password, "authSource": mongo_name(site.name)}
    client: MongoClient[dict[str, Any]] = MongoClient(
        HOST, site.port, directConnection=True, serverSelectionTimeoutMS=8000, maxPoolSize=2, **login
    )
    try:
        yield client
    except OperationFailure as error:
        if error.code in (13, 18):
            raise RefusedError(str(error.details or error)) from error
        raise UnusableError(str(error)[:300]) from error
    except PyMongoError as error:
        raise UnreachableError(str(error)[:300]) from error
    finally:
        client.close()


def ping(site: Site, password: str | None) -> None:
    """See that it answers, and takes the password.

    Args:
        password: None: that it answers to anybody.

    Raises:
        UnreachableError, RefusedError; UnusableError: it answers by an error of its own.
    """
    with session(site, password) as client:
        client[mongo_name(site.name)].command("ping" if password is None else "listCollections")


def make_user(site: Site) -> None:
    """Make the one user, of a server that has none and asks for no password."""
    name = mongo_name(site.name)
    with session(site, None) as client:
        roles = [{"role": "dbOwner", "db": name}]
        client[name].command("createUser", site.account, pwd=site.password, roles=roles)


def set_password(site: Site) -> None:
    """Put the site's password in force in place of the former one."""
    with session(site, site.former) as client:
        client[mongo_name(site.name)].command("updateUser", site.account, pwd=site.password)
