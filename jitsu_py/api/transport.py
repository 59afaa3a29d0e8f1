"""The one place that speaks HTTP: session, login, timeouts, retries, errors, streams.

Nothing of `requests` leaves this module: replies come out as parsed JSON, text or bytes, faults as
`JitsuError`s.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from jitsu_py import __version__
from jitsu_py.api.addresses import is_loopback
from jitsu_py.api.failures import failure, phrase
from jitsu_py.api.fields import bad_reply
from jitsu_py.api.mishaps import ended_early, mishap, stranger, timed_out
from jitsu_py.api.retries import Retries
from jitsu_py.api.streams import objects
from jitsu_py.api.trust import check_proxy, checked_bundle
from jitsu_py.api.uploads import ARCHIVE, Body
from jitsu_py.api.way import Way
from jitsu_py.wire import NDJSON, POWERED_BY, REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

CONNECT_TIMEOUT = 5.0
"""Seconds in which a server must take the connection."""

LONGEST_REPLY = 64 * 1024 * 1024
"""Largest JSON or text reply that is read, bytes after decompression."""

CHUNK = 64 * 1024
"""Bytes read at a time."""

PARTIAL = 206
"""Status of a reply that is a part, as asked."""


class Transport:
    """One session with one server.

    Args:
        host: base URL without a slash at its end.
        username: sent with every request that logs in.
        secret: password or token; empty: no request logs in.
        timeout: seconds without a byte, and for a whole JSON reply, before it is given up.
        verify: whether to check certificates, or the path of a CA bundle.
        user_agent: sent with every request.
        trace: told of every request and how it went, with timings, never of bodies or secrets.
    """

    def __init__(
        self,
        host: str,
        username: str,
        secret: str,
        *,
        timeout: float = 30,
        verify: bool | str = True,
        user_agent: str = f"jitsu/{__version__}",
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.host = host
        self.timeout = timeout
        self.request_id = ""
        """Of the last reply."""
        self._trace = trace or (lambda _line: None)
        self._login = HTTPBasicAuth(username.encode(), secret.encode()) if secret else _anonymous
        self._session = requests.Session()
        # A proxy of the environment can reach this machine's loopback no more than its own.
        self._session.trust_env = not is_loopback(host)
        if self._session.trust_env:
            check_proxy(requests.utils.select_proxy(host, requests.utils.get_environ_proxies(host)))
        self._verify = checked_bundle(verify)
        self._session.headers["User-Agent"] = user_agent
        adapter = HTTPAdapter(max_retries=Retries())
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __repr__(self) -> str:
        return f"Transport({self.host!r})"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def way(self) -> Way:
        """How the server is reached, for another protocol than this one."""
        login = self._login(requests.Request("GET", self.host).prepare())
        proxies = requests.utils.get_environ_proxies(self.host) if self._session.trust_env else {}
        verify = requests.utils.DEFAULT_CA_BUNDLE_PATH if self._verify is True else self._verify or None
        return Way(
            self.host,
            {"User-Agent": str(self._session.headers["User-Agent"]), **login.headers},
            verify,
            requests.utils.select_proxy(self.host, proxies),
            self.timeout,
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        login: bool = True,
    ) -> Any:
        """Send a request and give the reply's JSON.

        Args:
            method: HTTP method.
            path: from the root of the API, quoted.
            body: sent as JSON; an `uploads.Body` as it is; None: no body.
            headers: beside those that every request has.
            params: of the query.
            timeout: seconds, where the session's own does not fit.
            login: whether to send the credentials.

        Raises:
            JitsuError: of the class that fits; see `failures` and `mishaps`.
        """
        is_archive = isinstance(body, Body)
        data = body if body is None or is_archive else json.dumps(body).encode()
        kind = ARCHIVE if is_archive else "application/json"
        sent = {"Accept": "application/json"} | ({"Content-Type": kind} if data is not None else {})
        with self._exchange(
            method, path, data, {**sent, **(headers or {})}, params=params, timeout=timeout, login=login
        ) as response:
            raw = self._read(response, timeout or self.timeout)
            return _parsed(raw, f"{method} {path}", response)

    def upload(self, path: str, data: Iterable[bytes], *, timeout: float) -> Any:
        """Send bytes with a POST and give the reply's JSON.

        Args:
            path: from the root of the API, quoted.
            data: sent with a length when it has one.
            timeout: seconds without a byte.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/octet-stream"}
        with self._exchange("POST", path, data, headers, timeout=timeout) as response:
            return _parsed(self._read(response, timeout), f"POST {path}", response)

    def text(self, path: str) -> str:
        """Give the text at `path`; what is no UTF-8 in it is replaced."""
        with self._exchange("GET", path, None, {"Accept": "text/plain"}) as response:
            return self._read(response, self.timeout).decode(errors="replace")

    def events(
        self,
        path: str,
        data: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[Mapping[str, Any]]:
        """Send `data` with a POST, or a GET where there is none, and give the objects that come as they come.

        Args:
            path: from the root of the API, quoted.
            data: the body; sent with a length when it has one.
            headers: beside those that every request has.
            params: of the query.
            timeout: seconds of silence before the connection counts as lost.
        """
        wanted = {"Accept": NDJSON, "Accept-Encoding": "identity", **(headers or {})}
        method = "GET" if data is None else "POST"
        with self._exchange(method, path, data, wanted, params=params, timeout=timeout) as response:
            if NDJSON not in response.headers.get("Content-Type", ""):
                raise bad_reply("it is no stream of events", request_id=_id(response))
            # With no size asked for, a chunk is given when it arrives; a body without chunks would be
            # read whole before that.
            chunks = response.iter_content(None if response.raw.chunked else CHUNK)
            yield from objects(chunks, request_id=_id(response))

    def download(self, path: str, start: int = 0) -> Iterator[tuple[bytes, int | None]]:
        """Give the bytes at `path` to their end or an error, each time with the length (None: unknown).

        Args:
            path: from the root of the API, quoted.
            start: how many bytes at the beginning are left out; the length is that of what comes.
        """
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._exchange("GET", path, None, headers) as response:
            if start and response.status_code != PARTIAL:
                raise bad_reply("it is all of a file of which a part was asked", request_id=_id(response))
            said = response.headers.get("Content-Length", "")
            length = int(said) if said.isdigit() else None
            got = 0
            for chunk in response.iter_content(CHUNK):
                got += len(chunk)
                yield chunk, length
            if length is not None and got != length:
                raise ended_early(self.host, got, length, request_id=_id(response))

    @contextmanager
    def _exchange(
        self,
        method: str,
        path: str,
        data: Any,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        login: bool = True,
    ) -> Iterator[requests.Response]:
        """Send, check who answers and what, and turn whatever goes wrong meanwhile into our errors."""
        seconds = timeout or self.timeout
        started = monotonic()
        outcome = "failed"
        try:
            with self._session.request(
                method,
                self.host + path,
                params=params,
                data=data,
                headers=dict(headers),
                auth=self._login if login else _anonymous,
                timeout=(min(CONNECT_TIMEOUT, seconds), seconds),
                # Given here and not to the session: there, REQUESTS_CA_BUNDLE would come before it.
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                outcome = _outcome(response)
                self.request_id = _id(response)
                self._check(response, seconds)
                yield response
        except (requests.RequestException, HTTPError) as error:
            raise mishap(error, self.host, seconds, CONNECT_TIMEOUT, reads=method == "GET") from error
        finally:
            self._trace(f"{method} {self.host}{path}: {outcome}, {(monotonic() - started) * 1000:.0f} ms")

    def _check(self, response: requests.Response, seconds: float) -> None:
        """Refuse a reply that is an error, or not of our kind of server."""
        ours = "nodejitsu" in response.headers.get(POWERED_BY, "").lower()
        if not ours or 300 <= response.status_code < 400:
            raise stranger(self.host, response.status_code, response.headers.get("Location", ""))
        if response.ok:
            return
        raw = self._read(response, seconds)
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        error = failure(body, status=response.status_code, request_id=_id(response))
        if response.status_code == 401 and self._login is _anonymous:
            error.message = "you are not logged in"
            error.args = (error.message,)
        raise error

    def _read(self, response: requests.Response, seconds: float) -> bytes:
        """Read a reply's body, which may be neither huge nor endless."""
        deadline = monotonic() + seconds
        body = bytearray()
        # `iter_content` waits for a whole chunk, however slowly it comes, and would not look at the deadline.
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            body += chunk
            if len(body) > LONGEST_REPLY:
                raise bad_reply(f"it is longer than {LONGEST_REPLY} bytes", request_id=_id(response))
            if monotonic() > deadline:
                raise timed_out(self.host, seconds)
        return bytes(body)


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials: given as `auth`, it also keeps requests from looking into ~/.netrc."""
    return request


def _id(response: requests.Response) -> str:
    return response.headers.get(REQUEST_ID, "")[:200]


def _outcome(response: requests.Response) -> str:
    tried = len(getattr(response.raw.retries, "history", ()))
    again = f" after {tried} more tries" if tried else ""
    return f"{phrase(response.status_code)}{again}, request id {_id(response) or '-'}"


def _parsed(raw: bytes, what: str, response: requests.Response) -> Any:
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise bad_reply(f"what {what} gave is not JSON, or ended early", request_id=_id(response)) from error
