"""What a person may set for the platform: `server.toml` in the state folder, read once, frozen."""

from __future__ import annotations

import math
import os
import re
import tomllib
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from jitsu_py import wire
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from pathlib import Path

FILE = "server.toml"

LOG_FILE = "logs/_server/server.log"
"""The platform's own log; "_server" is no user's name."""

OUTPUT_FILE = "logs/_server/output.log"
"""What the server process prints besides: normally nothing."""

TEMPLATE = """\
# Settings of the jitsu platform in this folder. `jitsu server restart` applies changes.
# Everything here is optional; the values shown are the defaults.

[api]
# address = "127.0.0.1"
# port = 9002               # the next free one when it is taken and not named here
# patience = 60             # seconds for which an upload may stand still
# host = ""                 # its own name behind the router: api.example.com

[router]
# address = "127.0.0.1"
# port = 8080               # the next free one when it is taken and not named here
# domain = "localhost"      # an app answers at http://<subdomain>.<domain>
# https = 443               # port for HTTPS; unset: no HTTPS
# hsts = 15552000           # seconds for which browsers insist on it; unset: this on port 443, else none
# local_ca = false          # certificates of an authority of your own for *.localhost
# access_log = 8388608      # bytes of an app's access.log (in logs/) before the next; 1 keeps almost nothing
# compression = "on"        # gzip for text that the app sends uncompressed; off: never

[acme]
# email = ""                # yours: certificates by Let's Encrypt, whose terms you agree to by setting it
# directory = "https://acme-v02.api.letsencrypt.org/directory"
# ca = ""                   # file with the certificate that signed the directory's, if need be

[builds]
# concurrent = 2
# timeout = 900             # seconds
# archive = 536870912       # largest snapshot archive, bytes
# cache = 4294967296        # installed dependencies kept for the next builds, bytes
# keep = 10               # snapshots of each app; older ones are removed after a start
# memory = 4294967296       # bytes a build may use; unset: half of the machine's, 4 GiB at most
# processes = 2000          # of a build at a time, threads too
# disk = 4294967296         # bytes a build's folder may grow to
# sandbox = "auto"          # auto: where bubblewrap works; always: no build without; never: none

[drones]
# boot = 30                 # seconds an app has to listen
# drain = 30                # seconds its last requests have after a switch
# grace = 10                # seconds between TERM and KILL
# release = 600             # seconds a release command ("jitsu": {"release": "…"}) may take
# boot_limit = 300          # the most that an app may ask for in its package.json ("jitsu": {"boot": 60})
# drain_limit = 3600
# grace_limit = 120
# processes = 1000          # of a drone at a time, threads too
# open_files = 65536        # of each process
# cpu = 100                 # share of the processors when they are scarce, 1 to 10000; unset: as any process
# sandbox = "never"         # auto: where bubblewrap works; always: no app starts without; never: none

[logs]
# days = 30                 # for which an app's lines are kept
# bytes = 268435456         # that an app's lines take on the disk; the newest win
# drains = "public"         # where lines may be shipped to: public: the internet; anywhere: this machine and
#                           # its networks too, as this machine's own account always may; off: nowhere
# ca = ""                   # file with certificates of authorities that receivers have beside the system's

[databases]
# memory = 256              # MiB that each may use, unless it was made with another number
# reserve = 64              # MiB of the disk that stay free: with less, databases take no writes
# restore = 4294967296      # largest backup that is taken back, bytes

[accounts]
# sign_up = "closed"        # open: anybody; invited: whom `jitsu server users invite` names; closed: nobody

[mail]
# host = ""                 # an SMTP server; without one, mails stay in outbox/ and their codes in the log
# port = 587
# security = "starttls"     # starttls, tls (usually port 465), or none
# username = ""
# password = ""
# sender = "jitsu@localhost"
# ca = ""                   # file with the certificate that signed the server's, where the system has it not
"""

MEMORY_MOST = 4 * 1024**3
"""Bytes of memory that a build gets at most when nothing is set."""


_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


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
    sandbox: str = field(default="never", metadata={"choices": ("auto", "always", "never")})
    """An app in one sees no folder of the machine's that it may count on: whoever wants it says so."""


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


SECTIONS = {
    "api": Api,
    "router": RouterSettings,
    "acme": AcmeSettings,
    "builds": Builds,
    "drones": Drones,
    "logs": Logs,
    "databases": DatabaseSettings,
    "accounts": Accounts,
    "mail": MailSettings,
}


def load(home: Path, *, api_port: int | None = None, router_port: int | None = None) -> Settings:
    """Read the state folder's settings; the ports given here win over the file's.

    Raises:
        PlatformError: the file cannot be read, is no TOML, or has a key or value that means nothing here.
    """
    data = _read(home / FILE)
    for section, port in (("api", api_port), ("router", router_port)):
        if port is not None:
            data.setdefault(section, {})["port"] = port
    unknown = [name for name in data if name not in SECTIONS]
    if unknown:
        raise _wrong(home / FILE, f"there is no section [{unknown[0]}]")
    parsed = {name: _section(home / FILE, name, data.get(name, {})) for name in SECTIONS}
    return Settings(home=home, **parsed)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _wrong(path, str(error)) from error


def _section(path: Path, name: str, values: Any) -> Any:
    if not isinstance(values, dict):
        raise _wrong(path, f"{name} is a section: write [{name}]")
    kind = SECTIONS[name]
    defaults = {item.name: item for item in fields(kind)}
    for key, value in values.items():
        if key not in defaults:
            raise _wrong(path, f"[{name}] has no setting {key}; it has {', '.join(defaults)}")
        _check(path, f"[{name}] {key}", value, defaults[key])
    return kind(**values)


def _check(path: Path, where: str, value: object, item: Field[Any]) -> None:
    if item.type == "str":
        _check_text(path, where, value, item)
    elif item.type == "bool":
        if not isinstance(value, bool):
            raise _wrong(path, f"{where} is true or false, not {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _wrong(path, f"{where} is a number above zero, not {value!r}")
    elif where.endswith((" port", " https", " hsts")) and not isinstance(value, int):
        raise _wrong(path, f"{where} is a whole number, not {value!r}")
    elif where.endswith((" port", " https")) and value > 65535:
        raise _wrong(path, f"{where} is a port, 1 to 65535, not {value!r}")
    elif "int" in str(item.type) and not isinstance(value, int):
        raise _wrong(path, f"{where} is a whole number, not {value!r}")
    elif value > item.metadata.get("most", math.inf):
        raise _wrong(path, f"{where} is at most {item.metadata['most']}, not {value!r}")


def _check_text(path: Path, where: str, value: object, item: Field[Any]) -> None:
    if choices := item.metadata.get("choices"):
        if value not in choices:
            raise _wrong(path, f"{where} is one of {', '.join(choices)}, not {value!r}")
    elif item.metadata.get("may_be_empty"):
        if not isinstance(value, str):
            raise _wrong(path, f"{where} is a string, not a {type(value).__name__}")
        if item.metadata.get("is_host") and value and not _HOST.fullmatch(value):
            raise _wrong(path, f"{where} is a host name such as api.example.com, not {value!r}")
    elif not isinstance(value, str) or not value or any(c.isspace() for c in value):
        raise _wrong(path, f"{where} is a name or address, not {value!r}")


def _wrong(path: Path, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{path} cannot be used: {why}.")


FOLDERS = ("snapshots", "builds", "cache", "logs", "engines", "databases", "outbox", "run", "work")
"""Below the state folder; all 0700."""


def prepare(home: Path) -> None:
    """Make the state folder with its sub-folders, for its owner alone.

    Raises:
        PlatformError: it cannot be made or written: a file in its way, a read-only or full disk.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
        if not (home / FILE).exists():
            write_private(home / FILE, TEMPLATE.encode())
        probe = home / "run" / f"probe.{os.urandom(4).hex()}"
        write_private(probe, b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise PlatformError(
            Code.DISK_FULL,
            f"The state folder {home} cannot be written: {error.strerror or error}. "
            "Free some space or its permissions, or point JITSU_HOME at another folder.",
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file of its owner's alone: 0600 from its first byte, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
