"""`jitsu_py.api` against a real platform, without the command line: every noun, as a program uses it."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from tests.contract.signups import newest_code, platform_with
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def town() -> Iterator[LocalPlatform]:
    """A platform on which anybody may sign up."""
    with platform_with('[accounts]\nsign_up = "open"\n[drones]\ngrace = 2\ndrain = 1\n') as running:
        yield running


def test_an_account_from_its_first_day_to_its_last(town: LocalPlatform) -> None:
    """Sign up, confirm, set a password, change it, get a token, leave."""
    with Client(town.status.api) as anybody:
        assert anybody.users.available("ada")
        assert not anybody.users.email_taken("ada@example.com")
        anybody.users.create("ada", "ada@example.com")
        assert not anybody.users.available("ada")
        assert anybody.users.email_taken("ADA@example.com")
        with pytest.raises(errors.ConflictError):
            anybody.users.create("ada", "other@example.com")
        confirmed = anybody.users.confirm("ada", newest_code(town, "ada@example.com"))
        assert not confirmed.has_password
        anybody.users.reset("ada", confirmed.shake, "first password")
        anybody.users.forgot("ada")
        shake = newest_code(town, "ada@example.com", count=2)
        anybody.users.reset("ada", shake, "second password")
    with Client(town.status.api, "ada", "second password") as ada:
        assert (ada.users.auth().user, ada.users.get().email) == ("ada", "ada@example.com")
        token = ada.tokens.create("ci", scope="deploy")
        assert [entry.name for entry in ada.tokens.list()] == ["ci"]
        ada.thirdparty.add("github", "secret", "work")
        assert [entry.id for entry in ada.thirdparty.list()] == ["work"]
        ada.thirdparty.remove("work")
        ada.users.update(password="third password")
    with (
        Client(town.status.api, "ada", token.token) as script,
        pytest.raises(errors.JitsuError, match="token"),
    ):
        script.users.destroy()
    with Client(town.status.api, "ada", "third password") as ada:
        ada.tokens.destroy("ci")
        ada.users.destroy()
    with Client(town.status.api, "ada", "third password") as ghost, pytest.raises(errors.NotLoggedInError):
        ghost.users.auth()


def test_an_app_from_its_first_line_to_its_last(town: LocalPlatform) -> None:
    """Create, upload, activate, start, read its log, scale, stop, remove."""
    with Client(town.status.api, town.user, town.token) as client:
        manifest = {"name": "lib", "subdomain": "lib", "scripts": {"start": "node server.js"}}
        assert client.apps.available(manifest).available
        client.apps.create(manifest)
        files = {**hello("lib"), "server.js": "console.log('hi'); require('http').createServer().listen(1)"}
        client.snapshots.upload("lib", "0.1.0", io.BytesIO(archive(files)))
        client.snapshots.activate("lib", "0.1.0")
        assert client.apps.start("lib").running == "0.1.0"
        # It waits for the line, which the server takes over a moment after it was printed.
        tail: Any = client.logs.tail("lib", rows=50)
        with contextlib.closing(tail) as stream:
            assert any(line is not None and line.text == "hi" for line in stream)
        assert "hi" in [line.text for line in client.logs.query("lib", 50)]
        assert "hi" in [line.text for line in client.logs.query_all(rows=50)]
        assert client.snapshots.deploy("0.2.0", io.BytesIO(archive(files))).running == "0.2.0"
        assert client.snapshots.redeploy("lib-0.1.0").running == "0.1.0"
        assert client.apps.cloud("lib")[0].drones == 1
        assert client.apps.stop("lib").drones == 0
        assert client.snapshots.get("lib", "0.1.0").state == "ready"
        with pytest.raises(errors.NotFoundError):
            client.apps.get("nothing")
        client.apps.destroy("lib")
        assert client.apps.list() == []
        assert client.system.health().status == "ok"
        assert client.system.endpoints()["local"]["local"] == town.status.api
