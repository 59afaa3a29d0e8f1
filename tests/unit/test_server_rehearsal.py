"""The rehearsal of the API: a request like any other, of which nobody hears."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from jitsu_py.server.rehearsal import rehearse

if TYPE_CHECKING:
    import pytest


def test_it_is_a_request_in_the_name_of_the_local_account(caplog: pytest.LogCaptureFixture) -> None:
    """It goes the whole way, with credentials that are good."""
    app, seen = FastAPI(), list[tuple[str, ...]]()

    @app.get("/apps/{user}/{name}")
    def show(
        user: str, name: str, who: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]
    ) -> dict[str, str]:
        seen.append((user, name, who.username, who.password))
        return {}

    asyncio.run(rehearse(app, "ada l", "t0ken"))
    assert seen == [("ada l", "-", "ada l", "t0ken")]
    assert not caplog.records


def test_a_fault_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The server goes on."""
    app = FastAPI()

    @app.get("/apps/{user}/{name}")
    def show(user: str, name: str) -> dict[str, str]:
        raise LookupError(user + name)

    with caplog.at_level(logging.ERROR):
        asyncio.run(rehearse(app, "ada", "t0ken"))
    assert [record.message for record in caplog.records] == ["the rehearsal failed"]
