"""`.jitsuignore`: what is deployed and what not, said to jitsu alone, in git's syntax; npm's rules yield."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.project.packwalk import readable, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = ".jitsuignore"


@dataclass(frozen=True)
class Say:
    """What a `.jitsuignore` says of a path."""

    packed: bool
    why: str
    """The file, the line and the pattern."""


@dataclass
class JitsuIgnore:
    """The `.jitsuignore` files of a project, read when first asked for."""

    folder: str
    _specs: dict[str, Any] = field(default_factory=dict)
    _chains: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)

    def says(self, path: str) -> Say | None:
        """Return what the nearest file that speaks of a path says; None: none does.

        Raises:
            ProjectError: a `.jitsuignore` cannot be read.
        """
        for prefix, spec in self._chain(path[: path.rfind("/") + 1]):
            found = spec.check_file(readable(path)[len(readable(prefix)) :])
            if found.include is not None:
                line = str(spec.patterns[found.index].pattern)
                return Say(not found.include, f"{prefix}{NAME}: {line}")
        return None

    def puts_back(self, prefix: str = "") -> bool:
        """Say whether the file in a folder has a pattern that puts back what npm leaves out."""
        spec = self._spec(prefix)
        return spec is not None and any(pattern.include is False for pattern in spec.patterns)

    def _chain(self, folder: str) -> list[tuple[str, Any]]:
        """Return the files that hold in a folder, the nearest first; this is asked of every file there is."""
        chain = self._chains.get(folder)
        if chain is None:
            specs = [(prefix, self._spec(prefix)) for prefix in _prefixes(folder)]
            chain = self._chains[folder] = [(prefix, spec) for prefix, spec in specs if spec is not None]
        return chain

    def _spec(self, prefix: str) -> Any:
        if prefix not in self._specs:
            self._specs[prefix] = self._read(prefix)
        return self._specs[prefix]

    def _read(self, prefix: str) -> Any:
        path = Path(self.folder, prefix, NAME)
        try:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(f"{prefix}{NAME}", error) from error
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(text.replace("\r\n", "\n").split("\n"))


def _prefixes(folder: str) -> Iterator[str]:
    """Yield a folder and those it is in, the nearest first, each with a slash behind; the last is empty."""
    while folder:
        yield folder
        folder = folder[: folder.rstrip("/").rfind("/") + 1]
    yield ""
