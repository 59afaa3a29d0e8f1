"""`jitsu host`: which platform this command line talks to."""

from __future__ import annotations

import click

from jitsu_py.context import Context, pass_context


@click.command()
@click.argument("url", required=False)
@pass_context
def host(context: Context, url: str | None) -> None:
    """Show or set the platform to talk to.

    Without a host set, it is the one on this machine; `jitsu config delete host` goes back to that.
    """
    if url is None:
        _show(context)
    else:
        _keep(context, url)


def _show(context: Context) -> None:
    setting = context.settings.host
    if setting.value is not None:
        context.console.answer(
            setting.value, {"host": setting.value, "source": setting.source, "embedded": False}
        )
        return
    from jitsu_py import embedded

    found = embedded.locate()
    address = found.api if found else None
    words = address or "the platform on this machine, which does not run"
    context.console.answer(words, {"host": address, "source": "default", "embedded": True})


def _keep(context: Context, url: str) -> None:
    from jitsu_py import settings

    file = settings.config_file(context.environ)
    profile = context.flags.get("profile") or context.environ.get("JITSU_PROFILE")
    address = settings.save(file, profile, "host", url)
    context.console.say(
        f"host kept in {file}; `jitsu config delete host` goes back to this machine's platform"
    )
    context.console.answer(address, {"host": address, "source": str(file), "embedded": False})
