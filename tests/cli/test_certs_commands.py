"""`jitsu apps certs`: a certificate of one's own reaches visitors, and none that is wrong does."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from tests.e2e.steps import serve
from tests.platforms import LocalPlatform, free_ports
from tests.server.https_world import visit
from tests.unit.test_certificates_checking import DAY, NOW, made

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

HOST = "shop.localhost"


def test_only_a_good_certificate_is_shown(tmp_path: Path) -> None:
    """Another's key, another's name, an old one: each is refused, and visitors see what they saw before."""
    home, (tls,) = tmp_path / "home", free_ports(1)
    home.mkdir()
    (home / "server.toml").write_text(f"[router]\nhttps = {tls}\n[drones]\ngrace = 2\ndrain = 1\n")
    root = made("A Root")
    middle = made("A Middle", root)
    good, other = (made(name, middle, names=(name,)) for name in (HOST, "other.localhost"))
    old = made(HOST, middle, names=(HOST,), begins=NOW - 2 * DAY, ends=NOW - DAY)
    trusting = ssl.create_default_context(cadata=root.pem)
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    with LocalPlatform(home) as platform:
        serve(platform, "shop")

        def add(certificate: str, private: str) -> tuple[int, str]:
            chain.write_text(certificate)
            key.write_text(private)
            command = ("apps", "certs", "add", HOST, "shop", "--cert", str(chain), "--key", str(key))
            done = platform.jitsu(*command, cwd=tmp_path)
            return done.returncode, done.stderr

        code, said = add(middle.pem + good.pem, good.key_pem())
        assert (code, "certificate of A Middle" in said) == (0, True), said
        # Also the chain is shown: these visitors know the root alone.
        assert asyncio.run(visit(tls, HOST, trusting))[0].body == "shop"
        for certificate, private, why in (
            (good.pem, other.key_pem(), "do not belong together"),
            (other.pem, other.key_pem(), f"it is for other.localhost, not for {HOST}"),
            (old.pem, old.key_pem(), "it ended on"),
            (good.pem + root.pem, good.key_pem(), "A Root has no part in the chain"),
        ):
            code, said = add(certificate, private)
            assert (code, why in said) == (2, True), said
        assert asyncio.run(visit(tls, HOST, trusting))[0].body == "shop"
        # Taken back, too, it is at once: of a name without a certificate, visitors see the router's own.
        assert platform.jitsu("apps", "certs", "remove", HOST, "shop", cwd=tmp_path).returncode == 0
        with pytest.raises(ssl.SSLCertVerificationError):
            asyncio.run(visit(tls, HOST, trusting))
