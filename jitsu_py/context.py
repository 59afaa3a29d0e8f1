"""What every command gets: settings, console, client, credentials; each at its first use, closed at exit."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jitsu_py import __version__, grammar
from jitsu_py.console import Console
from jitsu_py.errors import InterruptedByUserError, JitsuError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitsu_py.api.client import Client
    from jitsu_py.credentials import Credential
    from jitsu_py.credentials.vault import Vault
    from jitsu_py.identity import Identity, Target
    from jitsu_py.settings import Settings

R = TypeVar("R")
F = TypeVar("F", bound="Callable[..., Any]")


class Context:
    """The run of one command line.

    Args:
        flags: the global flags that were given, by name (`grammar.global_flags`).
        environ: the environment's variables.
        cwd: the current folder.
    """

    def __init__(
        self, flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.flags = flags
        self.environ = os.environ if environ is None else environ
        self.cwd = cwd or _here()
        self._stack = ExitStack()
        self._told_of_updates = False

    @cached_property
    def settings(self) -> Settings:
        """All settings with their sources; raises UsageError when one cannot be used."""
        from jitsu_py import settings

        return settings.resolve(self.flags, self.environ, self.cwd)

    @cached_property
    def console(self) -> Console:
        """Where answers, words and questions go; it is also the reporter of the work below."""
        try:
            color = self.settings.color.value
        except UsageError:
            # The console is what shows that error, and `config set` what mends it.
            color = "auto"
        return Console(self.flags, color=color, environ=self.environ)

    @cached_property
    def target(self) -> Target:
        """The platform to talk to: the host that is set, else the one on this machine, started if need be."""
        from jitsu_py import embedded, identity

        if host := self.settings.host.value:
            self._warn_of_plain_http(host)
            return identity.Target(host, None)
        found = embedded.ensure(self.console)
        return identity.Target(found.api, found)

    def revive(self) -> None:
        """Start the platform on this machine again where it is the target and was killed; touch no other.

        Raises:
            JitsuError: as `embedded.ensure`.
        """
        from jitsu_py import embedded

        if self.target.embedded is not None:
            embedded.ensure(self.console)

    @cached_property
    def credential(self) -> Credential:
        """Who we are to the target: the first place that knows, at last a question.

        Raises:
            NotLoggedInError: nobody knows and nobody can be asked.
        """
        from jitsu_py import credentials

        host = self.target.host
        found = credentials.resolve(self.identity.links(), host, self.settings.username.value)
        self.console.hide(found.secret)
        self.console.debug(f"credentials: {found.username} at {host}, from {found.source}")
        return found

    @cached_property
    def identity(self) -> Identity:
        """How we find out who we are to the target."""
        from jitsu_py.identity import Identity

        return Identity(
            self.target, self.environ, self.settings, self.console, lambda: self.vault, self.connect
        )

    @cached_property
    def client(self) -> Client:
        """The API as the user we are; closed at exit."""
        return self.connect(self.credential.username, self.credential.secret)

    @cached_property
    def vault(self) -> Vault:
        """What `jitsu login` keeps."""
        from jitsu_py.credentials import ring, vault

        keyring = ring.Keyring(ring.PATIENCE if self.console.interactive else ring.NOBODY_THERE)
        return vault.Vault(self.settings.file.with_name("credentials.toml"), self.console.warn, keyring)

    def connect(self, username: str, secret: str) -> Client:
        """A client of the target for this user; closed at exit."""
        from jitsu_py.api.client import Client

        self.console.hide(secret)
        return self._stack.enter_context(
            Client(
                self.target.host,
                username,
                secret,
                timeout=self.settings.timeout.value,
                verify=self.settings.cacert.value or True,
                user_agent=f"jitsu-py/{__version__}",
                trace=self.console.debug if self.console.debugging else None,
            )
        )

    def app_name(self, given: str | None, folder: str | None = None) -> str:
        """The app that is meant: `given` (`name` or `user/name`), else the one that package.json names.

        Raises:
            UsageError: neither names one.
        """
        if given:
            return _checked_name(given)
        from jitsu_py.errors import ProjectError
        from jitsu_py.project import manifest

        where = self.cwd / folder if folder else self.cwd
        try:
            # An npm scope is no part of an app's name.
            name = manifest.read(where).name.rpartition("/")[2]
        except ProjectError as error:
            if error.code != "no_manifest" or folder:
                raise
            raise UsageError(
                f"which app? {where} has no package.json that names one", hint="name it, or give --dir FOLDER"
            ) from error
        if not name:
            raise ProjectError(
                f"{where / manifest.FILE} names no app", hint='give it a "name"', code="no_name"
            )
        return name

    @contextmanager
    def naming(self, app: str) -> Iterator[None]:
        """Where the platform knows no such app, name the one that may be meant."""
        try:
            yield
        except NotFoundError as error:
            if near := self._near(app):
                error.hint = f"did you mean {near[0]}?"
            raise

    def _near(self, app: str) -> list[str]:
        """The app that may be meant; none where that cannot be found out, which hides no other error."""
        from difflib import get_close_matches

        owner, slash, name = app.rpartition("/")
        try:
            known = [one.name for one in self.client.apps.list(owner if slash else None)]
        except JitsuError:
            return []
        return [] if name in known else get_close_matches(name, known, 1)

    @contextmanager
    def interruptible(self, words: str) -> Iterator[None]:
        """On ^C say what goes on without us."""
        try:
            yield
        except KeyboardInterrupt as error:
            raise InterruptedByUserError(f"interrupted; {words}") from error

    def tell_of_updates(self) -> None:
        """Where a person looks on, say after the answer that there is a newer version; at most daily."""
        if self.console.animated and not self._told_of_updates:
            from jitsu_py import updates

            self._told_of_updates = True
            if words := updates.notice(updates.cache_file(), self.environ):
                self.console.say(words)

    def close(self) -> None:
        """Close what was opened."""
        self._stack.close()
        if "console" in self.__dict__:
            self.console.close()

    def _warn_of_plain_http(self, host: str) -> None:
        from urllib.parse import urlsplit

        url = urlsplit(host)
        if url.scheme == "http" and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
            self.console.warn(f"{host} is not encrypted: whoever is on the way can read the token")


def current(ctx: click.Context) -> Context:
    """The run's context; made at its first use, when all global flags have been read."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Context(ctx.meta.get(grammar.FLAGS, {}))
        root.call_on_close(root.obj.close)
        root.obj.console.begin()
    found = root.obj
    assert isinstance(found, Context)
    return found


def pass_context(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command's callback the `Context` as its first argument."""

    def inner(*args: Any, **kwargs: Any) -> R:
        context = current(click.get_current_context())
        done = command(context, *args, **kwargs)
        context.tell_of_updates()
        return done

    return update_wrapper(inner, command)


def app_argument(command: F) -> F:
    """Let a command take `[APP]` and `--dir`, to be given to `Context.app_name` as `app` and `folder`."""
    folder = click.option(
        "--dir",
        "folder",
        metavar="FOLDER",
        type=click.Path(),
        help="Folder whose package.json names the app.",
    )
    return folder(click.argument("app", required=False)(command))


def output_option(summary: str) -> Callable[[F], F]:
    """Let a command take `-o FILE`, as `output`: the file that it makes; `summary` is its help."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path),
        callback=_no_stdout,
        help=summary,
    )


def _no_stdout(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    if value == Path("-"):
        raise UsageError("what is made goes into a file, not to stdout", hint="-o FILE names it")
    return value


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder is gone", hint="cd to one that is there") from error


def _checked_name(name: str) -> str:
    parts = name.split("/") if not name.startswith("@") else [name]
    if len(parts) > 2 or not all(parts) or any(not character.isprintable() for character in name):
        raise UsageError(f"{name!r} names no app", hint="write NAME or USER/NAME")
    return name
