"""Talks to a server that speaks CouchDB's protocol; its errors are those of `kinds`."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final, Self

from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.kinds import RefusedError, UnreachableError, UnusableError

if TYPE_CHECKING:
    from jitsu_py.server.databases.kinds import Site

PATIENCE: Final = 60.0
"""Seconds that one answer may take."""


class AnswerError(UnusableError):
    """The server says that it will not, or cannot."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"the server answers {status}: {said}")
        self.status = status


class Couch:
    """A connection, with the database's login. Used by one thread at a time."""

    def __init__(self, site: Site, *, patience: float = PATIENCE) -> None:
        login = base64.b64encode(f"{site.account}:{site.password}".encode()).decode()
        self._headers = {"authorization": f"Basic {login}", "accept": "application/json"}
        self._connection = HTTPConnection(HOST, site.port, timeout=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_what: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Send a request; its answer's JSON.

        Args:
            path: percent-encoded.
            body: JSON.

        Raises:
            UnreachableError, RefusedError; AnswerError: another status than 2xx.
        """
        headers = self._headers if body is None else {**self._headers, "content-type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error
        if answer.status == 401:
            raise RefusedError("it does not take the password")
        if answer.status >= 300:
            raise AnswerError(answer.status, said[:300].decode("utf-8", "replace").strip())
        try:
            return json.loads(said)
        except ValueError as error:
            raise AnswerError(answer.status, "what is no JSON") from error
