"""The database: opened, migrated, read by many, written by one."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from jitsu_py.server.store.sealing import Sealer

FILE = "state.db"
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """Connections to the state database, and the sealer for the secrets in it.

    Reads run side by side (WAL). Writes take a lock, so that two of this process never meet SQLite's own
    "database is locked"; `BEGIN IMMEDIATE` does the same towards other processes.
    """

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._writer = threading.Lock()
        # A connection that writes nothing, and so sees everybody's writes.
        self._watcher = sqlite3.connect(str(engine.url.database), check_same_thread=False)
        self._watching = threading.Lock()
        self.sealer = sealer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end, undone by an exception.

        Raises:
            PlatformError: DISK_FULL or UNAVAILABLE when the file cannot be written.
        """
        with self._writer, self._engine.connect() as connection:
            try:
                connection.execute(text("BEGIN IMMEDIATE"))
                yield connection
                connection.commit()
            except OperationalError as error:
                connection.rollback()
                raise _unwritable(error) from error
            except BaseException:
                connection.rollback()
                raise

    def version(self) -> int:
        """A number that changes with every commit, also of another process; costs some microseconds."""
        with self._watching:
            found: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
        return found

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file."""
        self._watcher.close()
        self._engine.dispose()


def open_store(home: Path, sealer: Sealer, *, upgrade: bool = True) -> Store:
    """Open the state folder's database, brought up to this version's schema.

    Args:
        upgrade: False refuses one of an older schema instead: a server that runs knows that one only.

    Raises:
        PlatformError: it is of a newer version, damaged, or cannot be written; nothing is changed then.
    """
    # Values stay out of error messages, and with them out of the log: hashes, addresses, what is sealed.
    engine = create_engine(
        f"sqlite:///{home / FILE}", connect_args={"timeout": 10}, pool_size=8, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare)
    try:
        _migrate(engine, home, upgrade=upgrade)
    except DBAPIError as error:
        engine.dispose()
        raise PlatformError(
            Code.UNAVAILABLE,
            f"{home / FILE} cannot be used: {error.orig}. "
            "Is the disk full or read-only, or the file damaged? Nothing was changed.",
            blame=Blame.SYSTEM,
        ) from error
    return Store(engine, sealer)


def _prepare(connection: Any, _record: object) -> None:
    # Transactions are ours (BEGIN IMMEDIATE), not begun behind our back by the driver.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine, home: Path, *, upgrade: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current == known.get_current_head():
            return
        if current is not None and current not in {script.revision for script in known.walk_revisions()}:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"The state folder {home} was written by a newer jitsu (schema {current}). "
                "Update this one (pip install -U 'jitsu_py[server]') or point JITSU_HOME at another folder. "
                "Nothing was changed.",
            )
        if not upgrade:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"A server of an older jitsu runs for {home}: `jitsu server restart`, then try again.",
            )
        # One transaction for all of it: a crash in the middle leaves the old schema.
        connection.execute(text("BEGIN IMMEDIATE"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _unwritable(error: OperationalError) -> PlatformError:
    reason = str(error.orig)
    code = Code.DISK_FULL if "full" in reason or "readonly" in reason else Code.UNAVAILABLE
    return PlatformError(code, f"The platform's database cannot be written: {reason}.", blame=Blame.SYSTEM)
