"""What every command gets: settings, console, client, credentials; each at its first use, closed at exit."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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
    from jitsu_py.credentials import Credential, Link
    from jitsu_py.credentials.vault import Vault
    from jitsu_py.embedded import Embedded
    from jitsu_py.settings import Settings

R = TypeVar("R")
F = TypeVar("F", bound="Callable[..., Any]")


@dataclass(frozen=True)
class Target:
    """The platform that this run talks to."""

    host: str
    """Base URL of its API."""
    embedded: Embedded | None
    """The platform on this machine, where that is the one; it runs."""


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
        if host := self.settings.host.value:
            self._warn_of_plain_http(host)
            return Target(host, None)
        from jitsu_py import embedded

        found = embedded.ensure(self.console)
        return Target(found.api, found)

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

        target = self.target
        found = credentials.resolve(self._links(target), target.host, self.settings.username.value)
        self.console.hide(found.secret)
        self.console.debug(f"credentials: {found.username} at {target.host}, from {found.source}")
        return found

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

    def log_in(self, host: str, username: str | None, secret: str | None = None) -> Credential:
        """Prove ourselves with a password, make a token named after this machine and keep that.

        Args:
            host: the target's.
            username: asked for when None.
            secret: a password; asked for, unseen, when None.
        """
        from jitsu_py.credentials import Credential

        questions = self.console.questions
        self.console.say(f"Log in to {host}")
        username = (username or questions.ask("Username", flag="--username or JITSU_USERNAME")).lower()
        password = secret or questions.ask_secret("Password", flag="JITSU_TOKEN or --token-stdin")
        made = self.connect(username, password).tokens.create(f"jitsu@{socket.gethostname()}")
        self.console.hide(made.token)
        return Credential(username, made.token, self.vault.keep(host, username, made.token))

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

    def _links(self, target: Target) -> Iterator[Link]:
        """The places that may know who we are, best first; none is touched before those above it failed."""
        from jitsu_py import credentials

        local = target.embedded
        if token := self.environ.get("JITSU_TOKEN", "").strip():
            # On this machine's platform the local account is who is meant unless somebody else is named.
            yield credentials.Given(local.user if local else None, token, "environment JITSU_TOKEN")
        if local:
            yield credentials.Given(local.user, local.token(), "the local token", only=local.user)
        yield from self._old_links(named=True)
        yield self.vault
        yield from self._old_links(named=False)
        yield credentials.Ask(self.log_in) if self.console.interactive else credentials.Refuse()

    def _old_links(self, *, named: bool) -> Iterator[Link]:
        """What a `.jitsuconf` knows; the one at home (not `named` by a flag) moves into the vault."""
        from jitsu_py.credentials import Adopt, Given

        old = self.settings.old
        if not (old and old.host and old.username):
            return
        place, only = str(old.path), old.username
        token = Given(only, old.token, place, old.host, only) if old.token else None
        if token and old.asked_for and named:
            yield token
        if token and not old.asked_for and not named:
            yield Adopt(token, self._adopt_token, self.console.warn)
        if old.password and not named:
            password = Given(only, old.password, place, old.host, only)
            yield Adopt(password, self._exchange_password, self.console.warn)

    def _adopt_token(self, found: Credential) -> Credential:
        """Keep the token of an old file in the vault, if the host takes it."""
        self.connect(found.username, found.secret).users.auth()
        kept = self.vault.keep(self.target.host, found.username, found.secret)
        self.console.say(f"the token in {found.source} is kept in: {kept}; that file is not needed any more")
        return replace(found, source=kept)

    def _exchange_password(self, found: Credential) -> Credential:
        """Log in with the password of an old file and keep the token; the password goes nowhere else."""
        made = self.log_in(self.target.host, found.username, found.secret)
        self.console.say(f"the password in {found.source} was exchanged for a token, kept in: {made.source}")
        self.console.warn(f"{found.source} still holds the password as anybody can read it: delete that line")
        return made

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
