"""`jitsu server install`: the platform as a service of systemd, from the next boot on and at once."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from jitsu_py.server import run
from jitsu_py.server import settings as settings_file
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.unit import NAME, Unit, render
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM_HOME: Final = Path("/var/lib/jitsu")
"""State folder of a service that has a user of its own."""

SYSTEM_UNITS: Final = Path("/etc/systemd/system")

BOOTED: Final = Path("/run/systemd/system")
"""Is there where systemd is in charge; sd_booted(3)."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Scope = Literal["system", "user"]
"""Whose systemd runs a service: the machine's, or a person's own."""


@dataclass(frozen=True)
class Installed:
    """A service that systemd knows."""

    unit: Path
    """Its file."""
    home: Path
    """Its state folder."""
    user: str
    """As whom it runs."""
    is_system: bool
    """It starts with the machine, whoever is logged in."""


def planned(home: Path, scope: Scope, user: str = "") -> tuple[Installed, str]:
    """Decide what an installation would be, and write its unit's text; nothing is changed.

    Args:
        home: the state folder.
        scope: whose systemd runs it.
        user: as whom a service of the system runs; empty: as `jitsu`.

    Raises:
        PlatformError: it is root's to do, or cannot be done.
    """
    is_system = scope == "system"
    if user and not is_system:
        raise PlatformError(Code.BAD_REQUEST, "A service of one's own runs as oneself: leave --user out.")
    if is_system and os.geteuid() != 0:
        raise PlatformError(Code.BAD_REQUEST, "A service of the system is root's to install: use sudo.")
    place = SYSTEM_UNITS if is_system else Path.home() / ".config" / "systemd" / "user"
    runs_as = user or "jitsu" if is_system else pwd.getpwuid(os.geteuid()).pw_name
    made = Installed(place / NAME, home, runs_as, is_system)
    folder = str(Path(sys.executable).parent)
    path = f"{folder}:{PATH}" if is_system else os.environ.get("PATH", PATH)
    unit = Unit(made.home, Path(sys.executable), path, made.user if is_system else "", _version())
    try:
        return made, render(unit)
    except ValueError as error:
        raise PlatformError(Code.BAD_REQUEST, f"No unit can be written: {error}.") from error


def install(
    home: Path, scope: Scope, user: str, step: Callable[[str], object], *, begin: bool = True
) -> Installed:
    """Make the platform a service, and start it; drones that run go on and are taken over.

    Args:
        home: as for `planned`.
        scope: as for `planned`.
        user: as for `planned`; made where there is none of that name.
        step: told what is being done.
        begin: start it at once, too.

    Raises:
        PlatformError: there is no systemd, or it refuses; what it said is in the details.
    """
    made, text = planned(home, scope, user)
    _require_systemd()
    if made.is_system:
        _make_user(made, step)
    else:
        settings_file.prepare(made.home)
    step(f"Writing {made.unit}")
    try:
        made.unit.parent.mkdir(parents=True, exist_ok=True)
        made.unit.write_text(text)
    except OSError as error:
        raise PlatformError(
            Code.INTERNAL, f"{made.unit} cannot be written: {error.strerror or error}.", blame=Blame.SYSTEM
        ) from error
    _systemctl(made, "daemon-reload")
    _systemctl(made, "enable", NAME)
    if not made.is_system:
        _linger(step)
    if begin:
        step("Starting the service")
        # A server that was started by hand leaves its drones to the service's.
        run.leave(made.home)
        _systemctl(made, "restart", NAME)
    return made


def uninstall(home: Path, scope: Scope, step: Callable[[str], object]) -> Installed | None:
    """Stop the service and take its unit away; the state folder stays. None: there is no service.

    Args:
        home: as for `planned`.
        scope: as for `planned`.
        step: told what is being done.

    Raises:
        PlatformError: systemd refuses.
    """
    made, _ = planned(home, scope)
    if not made.unit.exists():
        return None
    _require_systemd()
    step("Stopping the service")
    _systemctl(made, "disable", "--now", NAME)
    made.unit.unlink(missing_ok=True)
    _systemctl(made, "daemon-reload")
    return made


def _version() -> int:
    """The version of systemd; 0: there is none."""
    if shutil.which("systemctl") is None:
        return 0
    said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


def _require_systemd() -> None:
    if BOOTED.is_dir() and shutil.which("systemctl"):
        return
    raise PlatformError(
        Code.UNAVAILABLE,
        "There is no systemd in charge of this machine. Have its own service manager run "
        f"`{sys.executable} -P -m jitsu_py.server --home FOLDER`, or use `jitsu server start`.",
        blame=Blame.SYSTEM,
    )


def _make_user(made: Installed, step: Callable[[str], object]) -> None:
    """Make the service's user and folder, and see that it can run what this interpreter has."""
    try:
        person = pwd.getpwnam(made.user)
    except KeyError:
        step(f"Making the user {made.user}")
        shell = shutil.which("nologin") or "/bin/false"
        _told(["useradd", "--system", "--home-dir", str(made.home), "--shell", shell, made.user])
        person = pwd.getpwnam(made.user)
    made.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(made.home, person.pw_uid, person.pw_gid)
    if not _can_run(person):
        raise PlatformError(
            Code.BAD_REQUEST,
            f"The user {made.user} cannot run {sys.executable}. Install jitsu where everybody can read it: "
            "`python3 -m venv /opt/jitsu && /opt/jitsu/bin/pip install 'jitsu_py[server]'`.",
        )


def _can_run(person: pwd.struct_passwd) -> bool:
    try:
        looked = subprocess.run(
            [sys.executable, "-P", "-c", "import jitsu_py.server.run"],
            user=person.pw_uid,
            group=person.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": PATH},
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return looked.returncode == 0


def _linger(step: Callable[[str], object]) -> None:
    """Have the person's services start with the machine, not with their login."""
    if shutil.which("loginctl") is None:
        return
    done = subprocess.run(["loginctl", "enable-linger"], capture_output=True, check=False)
    if done.returncode:
        step("It will start when you log in; `sudo loginctl enable-linger $USER` makes it start at boot.")


def _systemctl(made: Installed, *words: str) -> None:
    _told(["systemctl", *([] if made.is_system else ["--user"]), *words])


def _told(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said, failed = done.stderr.splitlines()[-20:], done.returncode != 0
    except OSError as error:
        said, failed = [str(error)], True
    if failed:
        raise PlatformError(
            Code.INTERNAL, f"`{' '.join(command)}` failed.", blame=Blame.SYSTEM, details={"output": said}
        )
