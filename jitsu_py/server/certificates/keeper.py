"""Keeps every host supplied with a certificate: gets it, renews it, tells the router, waits after failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from cryptography import x509

from jitsu_py.server.certificates.checking import check, in_words
from jitsu_py.server.certificates.making import LocalAuthority
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.router import Certificate
from jitsu_py.server.store import apps
from jitsu_py.server.store import certificates as rows
from jitsu_py.server.store.certificates import OWN, Stored, Trouble
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jitsu_py.server.certificates.making import Issued
    from jitsu_py.server.router import Router
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks whether apps or certificates changed."""

EVERY: Final = 60.0
"""Seconds between two looks whether a certificate is to be renewed."""

PAUSE: Final = 60.0
"""Seconds after a first failure; they double, since an authority counts failures."""

LONGEST_PAUSE: Final = 12 * 3600.0

RENEWED_AT: Final = 2 / 3
"""Of a certificate's life."""


class Authority(Protocol):
    """Who signs certificates."""

    source: str

    async def issue(self, host: str) -> Issued:
        """A certificate for a host, or a PlatformError in the authority's words."""


@dataclass(frozen=True)
class Held:
    """How a host stands."""

    host: str
    source: str
    """`own`, `acme`, `local`; empty: it has none."""
    begins: float
    """Seconds since the epoch; 0: it has none. So `ends`."""
    ends: float
    issuer: str
    trouble: Trouble | None
    """Why it has none, or no new one."""


class Certificates:
    """The certificates of all hosts, and the work to have them.

    Args:
        pause: seconds after a first failure.
    """

    def __init__(self, settings: Settings, store: Store, router: Router, *, pause: float = PAUSE) -> None:
        self._settings = settings
        self._store = store
        self._router = router
        self._pause = pause
        self._local = LocalAuthority(settings.home) if settings.router.local_ca else None
        self._acme = _acme(settings, router) if settings.acme.email and self.is_on else None
        self._telling = asyncio.Lock()
        self._shown: frozenset[str] = frozenset()
        self.edition = 0
        """Changes with what `covers` says."""
        self._version = -1

    @property
    def is_on(self) -> bool:
        """Whether there is HTTPS at all."""
        return self._settings.router.https is not None

    def covers(self, host: str) -> bool:
        """Whether visitors of a host are shown a certificate that is for it and not over."""
        return host in self._shown

    async def show(self) -> None:
        """Give the router what there is; first of all before it starts."""
        if self.is_on:
            await self._tell()

    async def run(self) -> None:
        """Until cancelled: keep all hosts supplied."""
        last = 0.0
        while self.is_on:
            version = await asyncio.to_thread(self._store.version)
            if version != self._version or time.monotonic() - last > EVERY:
                self._version, last = version, time.monotonic()
                try:
                    await self.round()
                except Exception:
                    log.exception("certificates: this round failed; the next one tries again")
            await asyncio.sleep(min(LOOK, self._pause))

    async def round(self) -> None:
        """Tell the router what there is, and get what is due, one after the other."""
        await self._tell()
        for host in await asyncio.to_thread(self._due):
            await self._get(host)
            await self._tell()

    def held(self, hosts: Sequence[str], app: App | None = None) -> list[Held]:
        """How these hosts stand, in their order.

        Args:
            app: whose own certificates count; None: of none.
        """
        with self._store.read() as connection:
            stored, troubles = rows.listed(connection), rows.troubles(connection)
        best = _best(stored, dict.fromkeys(hosts, app.id if app else None))
        return [_held(host, best.get(host), troubles.get(host)) for host in hosts]

    def add(self, app: App, host: str, certificate: str, key: str) -> str:
        """Keep a certificate that somebody brought for a host of an app; what there is to doubt of it.

        Raises:
            PlatformError: BAD_REQUEST: it is not good for that.
        """
        checked = check(certificate, key, host)
        sealed = self._store.sealer.seal({"pem": checked.key})
        new = Stored(host, OWN, app.id, checked.chain, sealed, checked.begins, checked.ends, checked.issuer)
        with self._store.write() as connection:
            rows.keep(connection, new)
        return checked.doubt

    def remove(self, app: App, host: str) -> None:
        """Forget an app's own certificate.

        Raises:
            PlatformError: NOT_FOUND.
        """
        with self._store.write() as connection:
            mine = {one.host for one in rows.listed(connection) if (one.source, one.app_id) == (OWN, app.id)}
            if host not in mine:
                said = f"{app.name} has no certificate of its own for {host}."
                hint = f"`jitsu apps certs list {app.name}` shows what there is"
                raise PlatformError(Code.NOT_FOUND, said, details={"hint": hint})
            rows.remove(connection, host, OWN)

    def try_again(self, host: str) -> None:
        """Let a host that waits after a failure be tried at once."""
        with self._store.write() as connection:
            rows.try_again(connection, host)

    def _hosts(self) -> dict[str, int | None]:
        """Every host that visitors may come to -> the app."""
        with self._store.read() as connection:
            listed = apps.listed(connection)
        domain, api = self._settings.router.domain, self._settings.api.host
        found: dict[str, int | None] = {api: None} if api else {}
        for app in listed:
            for host in (f"{app.subdomain}.{domain}", *app.domains):
                found.setdefault(host, app.id)
        return found

    def _authority(self, host: str) -> Authority | None:
        if host.endswith(".localhost"):
            return self._local
        return self._acme if _is_public(host) else None

    def _due(self) -> list[str]:
        """Hosts for which a certificate is to be got now; those without any come first."""
        now, hosts = time.time(), self._hosts()
        with self._store.read() as connection:
            stored, troubles = rows.listed(connection), rows.troubles(connection)
        best, found = _best(stored, hosts), []
        for host in hosts:
            trouble, have = troubles.get(host), best.get(host)
            waits = trouble is not None and trouble.again > now
            if self._authority(host) is not None and not waits and _is_due(have, now):
                found.append((have is not None and have.ends > now, host))
        return [host for _, host in sorted(found)]

    async def _get(self, host: str) -> None:
        authority = self._authority(host)
        assert authority is not None
        try:
            issued = await authority.issue(host)
        except PlatformError as error:
            log.warning("no certificate for %s: %s", host, error.message)
            await asyncio.to_thread(self._note, host, error.message)
            return
        log.info("a new certificate for %s", host)
        await asyncio.to_thread(self._keep, host, authority.source, issued)

    def _keep(self, host: str, source: str, issued: Issued) -> None:
        leaf = x509.load_pem_x509_certificates(issued.chain.encode())[0]
        begins, ends = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
        sealed = self._store.sealer.seal({"pem": issued.key})
        new = Stored(host, source, None, issued.chain, sealed, begins, ends, in_words(leaf.issuer))
        with self._store.write() as connection:
            rows.keep(connection, new)

    def _note(self, host: str, error: str) -> None:
        with self._store.write() as connection:
            before = rows.troubles(connection).get(host)
            failures = before.failures + 1 if before else 1
            pause = min(self._pause * 2 ** min(failures - 1, 20), LONGEST_PAUSE)
            rows.failed(connection, Trouble(host, failures, time.time() + pause, error))

    async def _tell(self) -> None:
        async with self._telling:  # what was read first is not told last
            shown = await asyncio.to_thread(self._chosen)
            with contextlib.suppress(PlatformError):  # the reconciler brings a dead router back, with these
                await self._router.certify(
                    [Certificate((host,), f"{chain}{key}") for host, (chain, key) in shown.items()]
                )
            if self._shown != shown.keys():
                self._shown = frozenset(shown)
                self.edition += 1

    def _chosen(self) -> Mapping[str, tuple[str, str]]:
        """Host -> chain and key that its visitors are to be shown; none that is over."""
        with self._store.read() as connection:
            stored = rows.listed(connection)
        best = _best(stored, self._hosts())
        now, opened = time.time(), self._store.sealer.open
        return {host: (one.chain, opened(one.key)["pem"]) for host, one in best.items() if one.ends > now}


def _acme(settings: Settings, router: Router) -> Authority:
    from jitsu_py.server.certificates.acme import AcmeAuthority  # a tenth of a second that few servers need

    return AcmeAuthority(settings.home, settings.acme, router.prove)


def _best(stored: list[Stored], hosts: Mapping[str, int | None]) -> dict[str, Stored]:
    """Of each host the certificate to show: one that is not over, before that somebody's own, the longest."""
    now, found = time.time(), dict[str, Stored]()
    for one in stored:
        if one.host not in hosts or (one.source == OWN and one.app_id != hosts[one.host]):
            continue
        known = found.get(one.host)
        if known is None or _rank(one, now) > _rank(known, now):
            found[one.host] = one
    return found


def _rank(one: Stored, now: float) -> tuple[bool, bool, float]:
    return one.ends > now, one.source == OWN, one.ends


def _is_due(have: Stored | None, now: float) -> bool:
    if have is None or have.ends <= now:
        return True
    return have.source != OWN and now >= have.begins + (have.ends - have.begins) * RENEWED_AT


def _is_public(host: str) -> bool:
    """Whether an authority could sign for it: no single word, no address."""
    labels = host.split(".")
    return len(labels) > 1 and not labels[-1].isdigit() and "_" not in host


def _held(host: str, one: Stored | None, trouble: Trouble | None) -> Held:
    found = Held(host, "", 0.0, 0.0, "", trouble)
    if one is None:
        return found
    return replace(found, source=one.source, begins=one.begins, ends=one.ends, issuer=one.issuer)
