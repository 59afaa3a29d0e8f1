"""Where a program lies with all that it needs to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def installation(program: Path) -> Iterator[Path]:
    """The folders that a program needs to run: where it is called from, and where it lies with its parts.

    Args:
        program: a file; possibly a link to where it is installed.
    """
    if not program.is_file():
        return
    real = program.resolve()
    for place in dict.fromkeys((program, real)):
        if not place.is_relative_to("/usr"):
            yield place.parent
    if real.is_relative_to("/usr"):
        return
    if real.parent.name == "bin" and real.suffix == "":
        yield real.parent.parent
        return
    package = next((folder for folder in real.parents if (folder / "package.json").is_file()), None)
    if package is not None:
        yield package
