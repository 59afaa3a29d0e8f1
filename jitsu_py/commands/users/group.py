"""The group; the verbs are in the modules beside this one."""

from __future__ import annotations

import click

from jitsu_py import grammar


@click.group(cls=grammar.Group, aliases={"signup": "create"})
def users() -> None:
    """Everything about accounts."""
