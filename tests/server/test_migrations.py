"""The database through the versions: what an older server left is what the newer one finds."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from jitsu_py.server import settings as settings_file
from jitsu_py.server.store import apps, load_sealer, open_store, schema, tokens, users
from jitsu_py.server.store.engine import FILE, MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path


def migrated(home: Path, revision: str) -> None:
    """Make a database as it was at a revision."""
    settings_file.prepare(home)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{home / FILE}")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


def test_the_first_schema_is_brought_up_with_all_that_is_in_it(home: Path) -> None:
    """Accounts, tokens and apps of the first version are all there, unlocked and without limits."""
    migrated(home, "0001")
    with sqlite3.connect(home / FILE) as old:
        old.execute("INSERT INTO users VALUES (1, 'ada', 'ada@example.com', NULL, 1, 1.0, 2.0)")
        old.execute(
            "INSERT INTO tokens VALUES (1, 1, 't', 'digest', 'jitsu_', 'full', NULL, 3.0, NULL, NULL)"
        )
        app = (1, 1, "app", "sub", "stopped", 1, None, "{}", b"", None, None, 4.0, 5.0)
        old.execute(f"INSERT INTO apps VALUES ({','.join('?' * 13)})", app)
    old.close()
    store = open_store(home, load_sealer(home))
    with store.read() as connection:
        ada = users.get(connection, "ada")
        assert (ada.email, ada.locked, ada.doomed, ada.limits) == ("ada@example.com", False, False, None)
        assert [token.name for token in tokens.listed(connection, ada.id)] == ["t"]
        assert apps.get(connection, "ada", "app").subdomain == "sub"
    with store.write() as connection:
        users.remove(connection, ada.id)  # references still hold: what was the user's goes too
        assert connection.execute(text("SELECT count(*) FROM apps")).scalar_one() == 0
    store.close()


REVISIONS = sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("0*.py"))
"""Every schema there ever was, from the first one on."""


@pytest.mark.parametrize("revision", [*REVISIONS, "head"])
def test_opening_twice_changes_nothing(home: Path, revision: str) -> None:
    """Every open brings up what is old and leaves what is new."""
    migrated(home, revision)
    for _ in range(2):
        open_store(home, load_sealer(home)).close()


def test_the_migrations_make_what_the_code_expects(home: Path) -> None:
    """No table or column is in one of them only."""
    migrated(home, "head")
    engine = create_engine(f"sqlite:///{home / FILE}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_a_migration_that_breaks_off_leaves_the_old_schema(home: Path) -> None:
    """All of it is one transaction: a server killed in the middle starts again as if nothing had been."""
    migrated(home, "0001")
    with sqlite3.connect(home / FILE) as old:
        old.execute("CREATE TABLE thirdparty (id INTEGER)")  # makes the last step fail
    old.close()
    with pytest.raises(Exception, match="thirdparty"):
        open_store(home, load_sealer(home))
    with sqlite3.connect(home / FILE) as old:
        columns = [row[1] for row in old.execute("PRAGMA table_info(users)")]
        old.execute("DROP TABLE thirdparty")
    old.close()
    assert "locked" not in columns
    open_store(home, load_sealer(home)).close()
