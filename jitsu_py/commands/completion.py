"""`jitsu completion`: the shells' completion scripts, and the names that those ask for."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jitsu_py.context import Context, pass_context
from jitsu_py.errors import UnreachableError
from jitsu_py.identity import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jitsu_py.completion.cache import Cache

SHELLS = click.Choice(["bash", "zsh", "fish"])

FETCH_TIMEOUT = 10
"""How long a platform may take to tell names, seconds; nobody waits for it that long."""


@click.command()
@click.argument("shell", type=SHELLS)
@click.argument("words", nargs=-1, metavar="")
@click.option("--install", is_flag=True, help="Put it where the shell finds it, and say where that is.")
@click.option("--names", metavar="KIND", hidden=True, help="Print the names that WORDS can go on with.")
@click.option("--fetch", is_flag=True, hidden=True, help="Ask the platform for these names.")
@pass_context
def completion(
    context: Context, shell: str, words: Sequence[str], install: bool, names: str | None, fetch: bool
) -> None:
    """Print the completion script of a shell, or install it.

    It completes commands, flags, files, and the names of apps, snapshots, tokens and databases. Names come
    from the platform in use, are kept for a minute, and never keep you waiting longer than a second.

    With --install the script is put into a folder of yours that the shell reads; no rc file is changed.
    """
    if names is not None:
        _tell(shell, names, words, fetch=fetch)
        return
    from jitsu_py.completion import scripts
    from jitsu_py.completion.install import put
    from jitsu_py.tree import grow

    script = scripts.script(shell, grow(_root()))
    if not install:
        context.console.answer(script.rstrip("\n"), {"shell": shell, "script": script})
        return
    done = put(shell, script, context.environ)
    context.console.say("The script is written." if done.changed else "The script was there already.")
    context.console.say(done.next)
    answer = {"shell": shell, "file": str(done.file), "changed": done.changed}
    context.console.answer(str(done.file), answer)


class Typing(Context):
    """The run behind a Tab: asks nobody anything, and starts no platform."""

    @cached_property
    def target(self) -> Target:
        """The platform to talk to, if it is there."""
        if host := self.settings.host.value:
            return Target(host, None)
        from jitsu_py import embedded

        found = embedded.locate()
        if found is None:
            raise UnreachableError("the platform on this machine does not run")
        return Target(found.api, found)


def _tell(shell: str, kind: str, words: Sequence[str], *, fetch: bool) -> None:
    """Print names, or nothing: whatever goes wrong, a Tab is no place to say it."""
    from jitsu_py.completion.line import understood

    try:
        line = understood(_root(), words)
        typing = Typing({**line, "no_input": True, "quiet": True, "timeout": FETCH_TIMEOUT})
        if kind == "profiles":
            _print(_profiles(typing))
            return
        app = typing.app_name(line.get("app"), line.get("folder")) if kind == "snapshots" else ""
        cache = _cache(typing, kind, app)
        if fetch:
            _fetch(typing, cache, kind, app)
        else:
            _print(cache.wait(lambda: _start(shell, kind, words)))
    except Exception:
        return


def _cache(typing: Typing, kind: str, app: str) -> Cache:
    from jitsu_py.completion.cache import Cache

    target = typing.target
    local = target.embedded.user if target.embedded else None
    user = typing.settings.username.value or local or typing.vault.username(target.host) or ""
    return Cache.of(_folder(typing), kind, target.host, user, app)


def _folder(typing: Typing) -> Path:
    if given := typing.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "jitsu" / "completion"
    import platformdirs

    return Path(platformdirs.user_cache_dir("jitsu")) / "completion"


def _fetch(typing: Typing, cache: Cache, kind: str, app: str) -> None:
    try:
        cache.keep(_asked(typing, kind, app))
    except BaseException:
        cache.keep_failure()
        raise
    finally:
        typing.close()


def _asked(typing: Typing, kind: str, app: str) -> Iterable[str]:
    client: Any = typing.client
    if kind == "snapshots":
        return [one.id for one in client.snapshots.list(app)]
    return [one.name for one in getattr(client, kind).list()]


def _profiles(typing: Typing) -> list[str]:
    from jitsu_py import settings, tomlfile

    return list(tomlfile.read(settings.config_file(typing.environ)).get("profiles", {}))


def _start(shell: str, kind: str, words: Sequence[str]) -> None:
    """Fetch the names in a process that outlives this one; it closes what the shell waits for."""
    import subprocess

    command = ["completion", shell, "--names", kind, "--fetch", "--", *words]
    subprocess.Popen(
        # -P: whatever lies in the current folder is not taken for a module.
        [sys.executable, "-P", "-m", "jitsu_py", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
    )


def _print(names: Iterable[str]) -> None:
    for name in names:
        click.echo(name)


def _root() -> Any:
    return click.get_current_context().find_root().command
