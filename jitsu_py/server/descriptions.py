"""What the API shows of apps, from the store and from what is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.server.databases import variables
from jitsu_py.server.reconciler.routing import hosts_of
from jitsu_py.server.store import snapshots
from jitsu_py.server.store.databases import attached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.address import Address
    from jitsu_py.server.certificates import Certificates
    from jitsu_py.server.reconciler import Reconciler
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Release, Snapshot
    from jitsu_py.wire import Condition


@dataclass(frozen=True)
class Described:
    """An app with everything that the API shows of it."""

    app: App
    env: dict[str, str]
    """Its own; `shared` has what its databases add."""
    shared: dict[str, str]
    databases: list[str]
    """Names of those that it has."""
    snapshots: list[Snapshot]
    """Oldest first."""
    served: frozenset[int]
    """Row ids of the snapshots that were proved ready at least once, other apps' among them."""
    running: int | None
    """Row id of the snapshot that runs."""
    drones: int
    """How many run."""
    condition: Condition
    """How it fares."""
    urls: list[str]


class Descriptions:
    """Describes apps.

    Args:
        store: what is wanted.
        reconciler: what is.
        certificates: know at which host names an app answers over HTTPS.
        address: of this server.
        domain: below which every app has a host name.
    """

    def __init__(
        self, store: Store, reconciler: Reconciler, certificates: Certificates, address: Address, domain: str
    ) -> None:
        self._store = store
        self._reconciler = reconciler
        self._certificates = certificates
        self._address = address
        self._domain = domain

    def of(self, listed: list[App]) -> list[Described]:
        """Everything that the API shows of these apps."""
        with self._store.read() as connection:
            by_app = snapshots.by_app(connection, [app.id for app in listed])
            releases = snapshots.releases_of(connection, [app.release_id for app in listed if app.release_id])
            served = snapshots.served_of(connection, [app.id for app in listed])
            shared = variables.of_apps(connection, self._store.sealer, [app.id for app in listed])
            has: dict[int, list[str]] = defaultdict(list)
            for attachment in attached(connection, app_ids=[app.id for app in listed]):
                has[attachment.app_id].append(attachment.database.name)
        return [
            self._described(app, by_app[app.id], served, releases, shared.get(app.id, {}), has[app.id])
            for app in listed
        ]

    def _described(
        self,
        app: App,
        of_app: list[Snapshot],
        served: frozenset[int],
        releases: Mapping[int, Release],
        shared: dict[str, str],
        databases: list[str],
    ) -> Described:
        drones = self._reconciler.drones(app) if app.state == "started" else []
        release = releases.get(app.release_id or 0)
        return Described(
            app=app,
            env=self._store.sealer.open(app.env),
            shared=shared,
            databases=databases,
            snapshots=of_app,
            served=served,
            running=release.snapshot_id if release and drones else None,
            drones=len([drone for drone in drones if drone.pid is not None]),
            condition=self._reconciler.condition(app),
            urls=[self.url(host) for host in self.hosts(app)],
        )

    def hosts(self, app: App) -> tuple[str, ...]:
        """The host names at which an app answers."""
        return hosts_of(app, self._domain)

    def url(self, host: str) -> str:
        """The address of a host behind the router."""
        return self._address.at(host, is_secure=self._certificates.covers(host))
