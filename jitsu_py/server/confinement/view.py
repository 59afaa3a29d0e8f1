"""What a program in a sandbox sees of the machine: the system's programs, what it was given, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/sys")
"""Programs and libraries, read-only. Not /opt, /srv, /var, /home: there lie other people's things."""

CONFIGURATION: Final = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "fonts",
    "gai.conf",
    "gitconfig",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "profile",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
"""Below /etc, by name: it also holds password hashes and private keys, which whoever is root could read."""

KERNEL: Final = ("sys", "sysrq-trigger", "acpi", "fs", "scsi")
"""Below /proc, read-only: root could set there what the kernel does, even with no privilege left. bubblewrap
takes /proc/sys for protected when the folder itself cannot be written, and the files in it can."""


PLACED: Final = ("--bind", "--ro-bind", "--symlink", "--tmpfs")
"""What names a place last that lies in folders."""


@dataclass(frozen=True)
class View:
    """What is to be seen, beside the system."""

    cwd: Path
    """The folder that it runs in; in one of those below."""
    tmp: Path
    """What it sees as /tmp and /var/tmp."""
    writable: tuple[Path, ...]
    """Folders of its own; the last ones win."""
    readable: tuple[Path, ...] = ()
    """Folders and files that it only reads. What is not there is passed over."""
    instead: tuple[tuple[Path, Path], ...] = ()
    """Files that it reads in place of others: which one, and where."""


def mounts(view: View, hidden: Path) -> Iterator[str]:
    """The view as arguments of bubblewrap; later ones lie over earlier ones.

    Args:
        hidden: a folder of which nothing is seen but what the view names, wherever it lies.
    """
    made: set[Path] = set()
    for words in _mounts(view, hidden):
        if words[0] in PLACED:
            # Those that bubblewrap makes by itself are its own user's alone.
            for folder in reversed(Path(words[-1]).parents[:-1]):
                if folder not in made:
                    made.add(folder)
                    yield from ("--dir", str(folder))
        yield from words


def _mounts(view: View, hidden: Path) -> Iterator[tuple[str, ...]]:
    yield from _system()
    for temporary in ("/tmp", "/var/tmp"):  # noqa: S108 - the sandbox's own
        yield ("--bind", str(view.tmp), temporary)
    around = [path for path in view.readable if hidden.is_relative_to(path.resolve())]
    for path in around:
        yield from _read_only(path, path)
    yield ("--tmpfs", str(hidden))
    for path in view.readable:
        if path not in around:
            yield from _read_only(path, path)
    for file, place in view.instead:
        yield from _read_only(file, place)
    for path in view.writable:
        yield ("--bind", str(path), str(path))
    yield from (("--remount-ro", str(hidden)), ("--remount-ro", "/"), ("--chdir", str(view.cwd)))


def _system() -> Iterator[tuple[str, ...]]:
    yield from (("--proc", "/proc"), ("--dev", "/dev"))
    for name in KERNEL:
        yield from _read_only(Path("/proc") / name, Path("/proc") / name)
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            yield ("--symlink", str(path.readlink()), str(path))
        else:
            yield from _read_only(path, path)
    for name in CONFIGURATION:
        yield from _read_only(Path("/etc") / name, Path("/etc") / name)


def _read_only(path: Path, place: Path) -> Iterator[tuple[str, ...]]:
    """Show a file or folder, if it is there. A link is followed: what it points to may not be seen."""
    if path.exists():
        yield ("--ro-bind", str(path), str(place))
