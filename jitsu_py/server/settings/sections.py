"""The sections of `server.toml`: what may be set, its unit, and what holds when nothing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jitsu_py import wire

MEMORY_MOST = 4 * 1024**3
"""Bytes of memory that a build gets at most when nothing is set."""


@dataclass(frozen=True)
class Api:
    """Where the JSON API listens."""

    address: str = "127.0.0.1"
    port: int | None = None
    """None: the remembered one, else 9002, else the next free."""
    patience: float = 60.0
    """Seconds for which an upload may stand still before it is given up."""
    host: str = field(default="", metadata={"may_be_empty": True, "is_host": True})
    """Its own name behind the router; empty: it has none."""


@dataclass(frozen=True)
class RouterSettings:
    """Where the apps are served."""

    address: str = "127.0.0.1"
    port: int | None = None
    """None: the remembered one, else 8080, else the next free."""
    domain: str = "localhost"
    """An app answers at `<subdomain>.<domain>`."""
    https: int | None = None
    """Port for HTTPS; None: there is none."""
    hsts: int | None = None
    """Seconds for which browsers insist on HTTPS; None: half a year on port 443, else none."""
    local_ca: bool = False
    """Whether names below `localhost` get certificates of an authority of this machine's own."""
    access_log: int = 8 * 1024**2
    """Bytes of an app's access log before a new one is begun; the one before is kept."""
    compression: str = field(default="on", metadata={"choices": ("on", "off")})
    """Whether the router compresses text for browsers that take it."""


@dataclass(frozen=True)
class AcmeSettings:
    """Who gives certificates for the apps' domains."""

    email: str = field(default="", metadata={"may_be_empty": True})
    """Whom the authority writes to; empty: nobody is asked for certificates."""
    directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    ca: str = field(default="", metadata={"may_be_empty": True})
    """File with the certificate that signed the directory's; empty: the system's."""


@dataclass(frozen=True)
class Builds:
    """Bounds of builds."""

    concurrent: int = 2
    timeout: float = 900.0
    """Seconds a build may take."""
    archive: int = wire.SNAPSHOT_LIMIT
    """Largest archive, bytes."""
    cache: int = 4 * 1024**3
    """Installed dependencies kept for the next builds, bytes."""
    keep: int = 10
    """Snapshots kept of each app; never fewer than the active and the running one."""
    memory: int | None = None
    """Bytes a build may use; None: half of the machine's, `MEMORY_MOST` at most."""
    processes: int = 2000
    """Of a build at a time, threads too."""
    disk: int = 4 * 1024**3
    """Bytes a build's folder may grow to."""
    sandbox: str = field(default="auto", metadata={"choices": ("auto", "always", "never")})


@dataclass(frozen=True)
class Drones:
    """Patience with apps, in seconds, and what each of their drones may use and see."""

    boot: float = 30.0
    """Until a drone must listen."""
    drain: float = 30.0
    """For requests in flight after a switch."""
    grace: float = 10.0
    """Between TERM and KILL."""
    release: float = 600.0
    """For a release command."""
    boot_limit: float = 300.0
    """The most that an app may ask for by `jitsu.boot` in its package.json; so the next two."""
    drain_limit: float = 3600.0
    grace_limit: float = 120.0
    processes: int = 1000
    """Of a drone at a time, threads too."""
    open_files: int = 65536
    """Of each of its processes; never more than the system allows the server."""
    cpu: int | None = field(default=None, metadata={"most": 10_000})
    """Share of the processors when they are scarce; None: as any other process."""
    sandbox: str = field(default="auto", metadata={"choices": ("auto", "always", "never")})
    folders: str = field(default="", metadata={"may_be_empty": True, "is_folders": True})
    """Absolute paths with colons between: what apps in a sandbox see of the machine beside their own."""
    users: str = field(default="auto", metadata={"is_users": True})
    """Which numbers the users of apps have, where the server is root; auto: the usual ones; never: none."""

    @property
    def places(self) -> tuple[Path, ...]:
        """`folders`, one by one."""
        return tuple(Path(place) for place in self.folders.split(":") if place)

    @property
    def numbers(self) -> range | None:
        """The range in `users`, if there is one."""
        first, dash, last = self.users.partition("-")
        return range(int(first), int(last) + 1) if dash else None


@dataclass(frozen=True)
class Logs:
    """Bounds of logs."""

    days: float = 30.0
    """For which lines are kept."""
    bytes: int = 256 * 1024**2
    """Of the disk for each app; the newest lines win."""
    drains: str = field(default="public", metadata={"choices": ("public", "anywhere", "off")})
    """Where lines may be shipped to; this machine's own account may anywhere, unless it is off."""
    ca: str = field(default="", metadata={"may_be_empty": True})
    """File with certificates of authorities that receivers have beside the system's."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Bounds of databases."""

    memory: int = 256
    """MiB that each may use, unless it was made with another number."""
    reserve: int = 64
    """MiB of the disk that stay free: with less, databases take no writes."""
    restore: int = 4 * 1024**3
    """Largest backup that is taken back, bytes."""


@dataclass(frozen=True)
class Accounts:
    """Who may have an account."""

    sign_up: str = field(default="closed", metadata={"choices": ("open", "invited", "closed")})


@dataclass(frozen=True)
class MailSettings:
    """The mail server that delivers what the platform writes to people."""

    host: str = field(default="", metadata={"may_be_empty": True})
    """Empty: mails stay in the outbox."""
    port: int = 587
    security: str = field(default="starttls", metadata={"choices": ("starttls", "tls", "none")})
    username: str = field(default="", metadata={"may_be_empty": True})
    """Empty: no login."""
    password: str = field(default="", repr=False, metadata={"may_be_empty": True})
    sender: str = "jitsu@localhost"
    ca: str = field(default="", metadata={"may_be_empty": True})
    """File with the certificate that signed the server's; empty: the system's."""


@dataclass(frozen=True)
class Settings:
    """All of `server.toml`, and the folder it lies in."""

    home: Path
    api: Api = field(default_factory=Api)
    router: RouterSettings = field(default_factory=RouterSettings)
    acme: AcmeSettings = field(default_factory=AcmeSettings)
    builds: Builds = field(default_factory=Builds)
    drones: Drones = field(default_factory=Drones)
    logs: Logs = field(default_factory=Logs)
    databases: DatabaseSettings = field(default_factory=DatabaseSettings)
    accounts: Accounts = field(default_factory=Accounts)
    mail: MailSettings = field(default_factory=MailSettings)

    @property
    def run(self) -> Path:
        """Pids, sockets, generated configuration: may be deleted at any time."""
        return self.home / "run"

    def builds_of(self, user: str, app: str) -> Path:
        """Where an app's snapshots lie, built: a folder each, by id."""
        return self.home / "builds" / user / app
