"""What changed of an app, as a sentence for its log: names of variables, never their values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jitsu_py.server.store.apps import App


def in_words(before: App, after: App, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What differs, "" if nothing does.

    Args:
        old: the environment before.
        new: the environment after.
    """
    return "; ".join((*_variables(old, new), *_addresses(before, after)))


def _variables(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    kinds = {
        "set": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }
    for verb, names in kinds.items():
        if names:
            yield f"{verb} {'variable' if len(names) == 1 else 'variables'} {', '.join(names)}"


def _addresses(before: App, after: App) -> Iterator[str]:
    if before.subdomain != after.subdomain:
        yield f"subdomain {before.subdomain} is now {after.subdomain}"
    if set(before.domains) != set(after.domains):
        yield f"domains are now {', '.join(after.domains) or 'none'}"
