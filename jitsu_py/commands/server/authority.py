"""`jitsu server ca`: the authority that signs certificates for `*.localhost`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import embedded
from jitsu_py.commands.server.door import platform
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from pathlib import Path

WAYS = (
    "curl and Node: `curl --cacert FILE`, `NODE_EXTRA_CA_CERTS=FILE node …`",
    "Debian, Ubuntu: copy it to /usr/local/share/ca-certificates/jitsu.crt, then `update-ca-certificates`",
    "Fedora: `trust anchor FILE`",
    "macOS: `security add-trusted-cert -k ~/Library/Keychains/login.keychain-db FILE`",
    "Firefox and Chrome have a store of their own: Settings, Certificates, Authorities, Import",
)


@click.command("ca")
@pass_context
def authority(context: Context) -> None:
    """Print the file of this platform's own authority, and how to have it trusted.

    It signs for names below localhost and no others: [router] https and local_ca = true in server.toml.
    """
    with platform():
        file, is_used = _ready()
    if not is_used:
        context.console.warn("not in use: server.toml needs https = 8443 and local_ca = true in [router]")
    for way in WAYS:
        context.console.say(way.replace("FILE", str(file)))
    context.console.answer(str(file), {"file": str(file), "used": is_used})


def _ready() -> tuple[Path, bool]:
    from jitsu_py.server import settings
    from jitsu_py.server.certificates.making import AUTHORITY, FOLDER, LocalAuthority

    home = embedded.home()
    settings.prepare(home)
    router = settings.load(home).router
    LocalAuthority(home).ready()
    return home / FOLDER / AUTHORITY, router.local_ca and router.https is not None
