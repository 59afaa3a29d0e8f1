"""Everything that is generated from the command tree: completions/, man/, the tables of README.md.

`python -m jitsu_py.manual` writes them; the command line itself never loads this.
"""

from __future__ import annotations

from pathlib import Path

COMMAND = "python -m jitsu_py.manual"
"""What makes them anew."""

FOLDERS = ("completions", "man")
"""All of whose files are generated."""


def generated(project: Path) -> dict[Path, str]:
    """Every generated file of the project as it should be, by its path below the project's folder."""
    from jitsu_py import __version__, cli
    from jitsu_py.completion import scripts
    from jitsu_py.manual import pages, readme
    from jitsu_py.tree import grow

    tree = grow(cli.root)
    sections = {name: entry.section for name, entry in cli.COMMANDS.items()}
    source = pages.Source(tree, sections, cli.EXIT_CODES, __version__)
    text = (project / "README.md").read_text(encoding="utf-8")
    return {
        **{Path("completions", file): scripts.script(shell, tree) for shell, file in scripts.FILES.items()},
        **{Path("man", file): page for file, page in pages.pages(source).items()},
        Path("README.md"): readme.filled(text, tree, cli.EXIT_CODES),
    }


def stale(project: Path) -> list[Path]:
    """Files that are missing, differ from what they should be, or should not be there."""
    wanted = generated(project)
    files = (path for folder in FOLDERS for path in (project / folder).rglob("*") if path.is_file())
    there = {path.relative_to(project) for path in files}
    differing = [path for path, text in wanted.items() if _text(project / path) != text]
    return sorted({*differing, *(there - set(wanted))})


def write(project: Path) -> list[Path]:
    """Make them anew; returns those that were stale."""
    wanted = generated(project)
    changed = stale(project)
    for path in changed:
        if path in wanted:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(wanted[path], encoding="utf-8")
        else:
            (project / path).unlink()
    return changed


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
