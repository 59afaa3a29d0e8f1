"""`jitsu apps certs`: the certificates of an app's domains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.commands.apps.group import apps
from jitsu_py.console.fields import Field, age, data, iso
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from jitsu_py.api.certs import Certificate

MOST = 256 * 1024
"""Bytes of a file; a chain with its key has some ten thousand."""

FIELDS: list[Field[Certificate]] = [
    Field("host", "DOMAIN", lambda one: one.host),
    Field("state", "STATE", lambda one: one.state),
    Field("source", "SOURCE", lambda one: one.source or None),
    Field("issuer", "ISSUER", lambda one: one.issuer or None),
    Field("begins", "SINCE", lambda one: iso(one.begins), human=age, listed=False),
    Field("ends", "UNTIL", lambda one: iso(one.ends)),
    Field("error", "LAST ERROR", lambda one: one.error or None),
    Field("again", "TRIED AGAIN", lambda one: iso(one.again), listed=False),
]


@apps.group(cls=grammar.Group, aliases={"ls": "list", "rm": "remove"})
def certs() -> None:
    """The certificates of an app's domains, for HTTPS.

    Where the server asks an authority for them, nothing has to be done here.
    """


@certs.command("list")
@app_argument
@pass_context
def list_certificates(context: Context, app: str | None, folder: str | None) -> None:
    """List the app's domains: whether each has a certificate, until when, or why not."""
    name = context.app_name(app, folder)
    with context.console.waiting("Asking for the certificates"), context.naming(name):
        found = context.client.certs.list(name)
    context.console.table(found, FIELDS, empty="")


@certs.command()
@click.argument("domain")
@app_argument
@click.option(
    "--cert", "chain", metavar="FILE", required=True, help="PEM: the certificate and its intermediates."
)
@click.option("--key", "private", metavar="FILE", required=True, help="PEM: its private key.")
@pass_context
def add(context: Context, domain: str, app: str | None, folder: str | None, chain: str, private: str) -> None:
    """Bring a certificate of your own for a domain; it is checked, and shown to visitors at once.

    The key is sealed on the server, and never given back.
    """
    name = context.app_name(app, folder)
    certificate, key = _read(context, chain), _read(context, private)
    with context.console.waiting(f"Adding the certificate of {domain}"), context.naming(name):
        kept, warning = context.client.certs.add(name, domain, certificate, key)
    if warning:
        context.console.warn(warning)
    context.console.say(f"{kept.host} is shown with a certificate of {kept.issuer}")
    context.console.answer(kept.host, data(kept, FIELDS))


@certs.command()
@click.argument("domain")
@app_argument
@pass_context
def remove(context: Context, domain: str, app: str | None, folder: str | None) -> None:
    """Forget a certificate of your own; the server's authority gives another, where it has one."""
    name = context.app_name(app, folder)
    with context.console.waiting(f"Removing the certificate of {domain}"), context.naming(name):
        context.client.certs.remove(name, domain)
    context.console.say(f"the certificate of {domain} is removed")
    if context.console.json:
        context.console.data({"id": domain, "removed": True})


@certs.command()
@click.argument("domain")
@app_argument
@pass_context
def retry(context: Context, domain: str, app: str | None, folder: str | None) -> None:
    """Have the authority asked again now, for a domain that waits after a failure."""
    name = context.app_name(app, folder)
    with context.console.waiting(f"Asking for {domain}"), context.naming(name):
        found = context.client.certs.retry(name, domain)
    context.console.say(f"the server asks again; `jitsu apps certs list {name}` shows what comes of it")
    context.console.answer(found.host, data(found, FIELDS))


def _read(context: Context, name: str) -> str:
    file = Path(context.cwd / name)
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}") from error
    if len(content) > MOST:
        raise UsageError(f"{name} has more than {MOST // 1024} KiB: it is no certificate and no key")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        how = f"openssl x509 -inform der -in {name} -out {name}.pem"
        raise UsageError(f"{name} is no PEM, which is plain text", hint=f"of DER, `{how}`") from error
