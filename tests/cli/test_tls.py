"""The way to the platform: real certificates, good and bad, real proxies, and plain HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.tls_world import Authority, proxy, serving_tls
from tests.unit.loopback import answer, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Done, Person
    from tests.unit.loopback import Reply, Request

SECRET = "sentinel-token"


def respond(_request: Request) -> Reply:
    """Take whoever comes."""
    return answer({"authorized": True, "user": {"username": "ada"}})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that no system knows."""
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def ada(person: Person) -> Person:
    """Somebody with a token."""
    person.more |= {"JITSU_USERNAME": "ada", "JITSU_TOKEN": SECRET}
    return person


def refused(done: Done, sentence: str, hint: str) -> None:
    """The run ended with 9, one sentence of its own and what to do."""
    assert done.code == 9, done.err
    assert sentence in done.err
    assert hint in done.err.partition("hint:")[2]
    assert len(done.err.strip().splitlines()) == 2, done.err
    assert SECRET not in done.err


def test_a_private_authority(ada: Person, authority: Authority, tmp_path: Path) -> None:
    """--cacert, the setting and REQUESTS_CA_BUNDLE name a private authority; the flag comes first."""
    other = Authority(tmp_path, "Other Authority")
    with serving_tls(respond, authority.issue("localhost")) as server:
        host = f"https://localhost:{server.server_port}"
        refused(ada.jitsu("whoami", "--host", host), "not trusted here", "--cacert FILE")
        assert server.requests == []
        ca = str(authority.file)
        assert ada.jitsu("whoami", "--host", host, "--cacert", ca).out == "ada\n"
        assert ada.jitsu("whoami", "--host", host, REQUESTS_CA_BUNDLE=ca).out == "ada\n"
        wrong = {"REQUESTS_CA_BUNDLE": str(other.file)}
        assert ada.with_(wrong).jitsu("whoami", "--host", host, "--cacert", ca).out == "ada\n"
        assert ada.jitsu("whoami", "--host", host, "--cacert", str(other.file)).code == 9
        # Kept by a name that is only right in this folder, used in another one.
        assert ada.jitsu("config", "set", "cacert", authority.file.name, cwd=authority.folder).code == 0
        assert ada.jitsu("whoami", "--host", host).out == "ada\n"


@pytest.mark.parametrize(
    ("names", "days", "own", "sentence", "hint"),
    [
        (["localhost"], (-9, -1), False, "has expired", "renew"),
        (["localhost"], (1, 9), False, "is not valid yet", "clock"),
        (["localhost"], (-1, 9), True, "signed by itself", "--cacert"),
        (["jitsu.example"], (-1, 9), False, "for another name", "jitsu host URL"),
    ],
)
def test_certificates_that_prove_nothing(
    names: list[str],
    days: tuple[int, int],
    own: bool,
    sentence: str,
    hint: str,
    ada: Person,
    authority: Authority,
) -> None:
    """Each fault of a certificate has its own sentence and its own way out; no request is sent."""
    with serving_tls(respond, authority.issue(*names, days=days, own=own)) as server:
        host = f"https://localhost:{server.server_port}"
        done = ada.jitsu("whoami", "--host", host, "--cacert", str(authority.file))
    refused(done, f"no safe connection to {host}: its certificate", hint)
    assert sentence in done.err
    assert server.requests == []


def test_a_certificate_for_another_address(ada: Person, authority: Authority) -> None:
    """An address that the certificate does not name is refused as one."""
    with serving_tls(respond, authority.issue("localhost")) as server:
        host = f"https://127.0.0.1:{server.server_port}"
        done = ada.jitsu("whoami", "--host", host, "--cacert", str(authority.file))
    refused(done, "for another address", "jitsu host URL")


def test_a_self_signed_certificate_can_be_trusted_by_itself(ada: Person, authority: Authority) -> None:
    """--cacert takes the very certificate of a server that signed its own."""
    certificate = authority.issue("localhost", own=True)
    with serving_tls(respond, certificate) as server:
        host = f"https://localhost:{server.server_port}"
        assert ada.jitsu("whoami", "--host", host, "--cacert", str(certificate)).out == "ada\n"


def test_a_server_without_tls(ada: Person) -> None:
    """https where plain HTTP is spoken says so and names the address without it."""
    with serving(respond) as server:
        done = ada.jitsu("whoami", "--host", f"https://127.0.0.1:{server.server_port}")
    refused(done, "speaks no TLS", f"http://127.0.0.1:{server.server_port}")


@pytest.mark.parametrize("text", [None, "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_bundle_that_cannot_be_used(text: str | None, ada: Person, tmp_path: Path) -> None:
    """A cacert that is not there or holds nothing is a usage error that names the file; nothing is sent."""
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with serving(respond) as server:
        done = ada.jitsu("whoami", "--host", server.url, "--cacert", str(file))
        assert (done.code, server.requests) == (2, [])
        assert str(file) in done.err
        assert "bug" not in done.err
        if text is None:
            named = ada.jitsu("whoami", "--host", server.url, REQUESTS_CA_BUNDLE=str(file))
            assert named.code == 2
            assert "REQUESTS_CA_BUNDLE" in named.err


def test_a_proxy_carries_the_connection(ada: Person, authority: Authority) -> None:
    """HTTPS_PROXY: the tunnel is asked for by name, the certificate checked through it, the login used."""
    with (
        serving_tls(respond, authority.issue("jitsu.invalid")) as server,
        proxy(server.server_port, "me:sentinel-proxy") as way,
    ):
        words = ["whoami", "--debug", "--host", "https://jitsu.invalid", "--cacert", str(authority.file)]
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            named = ada.with_({name: f"http://me:sentinel-proxy@127.0.0.1:{way.port}"})
            done = named.jitsu(*words)
            assert (done.code, done.out) == (0, "ada\n"), done.err
            assert "sentinel" not in done.err
        assert [line.rpartition(" ")[0] for line in way.asked] == ["CONNECT jitsu.invalid:443"] * 3
        wrong = ada.jitsu(*words[:1], *words[2:], HTTPS_PROXY=f"http://me:sentinel-no@127.0.0.1:{way.port}")
        refused(wrong, "the proxy does not lead to https://jitsu.invalid", "HTTPS_PROXY")
        assert "407" in wrong.err
        assert "sentinel" not in wrong.err


def test_no_proxy(ada: Person, authority: Authority) -> None:
    """What NO_PROXY lists, and this machine, are reached without the proxy."""
    with (
        serving_tls(respond, authority.issue("0.0.0.0", "127.0.0.1")) as server,
        proxy(server.server_port) as way,
    ):
        variables = {"HTTPS_PROXY": f"http://127.0.0.1:{way.port}", "REQUESTS_CA_BUNDLE": str(authority.file)}
        behind = ada.with_(variables)
        # Linux takes 0.0.0.0 for this machine, and no rule of ours does.
        outside = f"https://0.0.0.0:{server.server_port}"
        assert behind.jitsu("whoami", "--host", outside).out == "ada\n"
        assert len(way.asked) == 1
        assert behind.jitsu("whoami", "--host", outside, NO_PROXY="0.0.0.0").out == "ada\n"
        inside = f"https://127.0.0.1:{server.server_port}"
        assert behind.jitsu("whoami", "--host", inside).out == "ada\n"
        assert len(way.asked) == 1


def test_a_proxy_that_is_not_there(ada: Person, free_port: int) -> None:
    """A proxy that does not answer is named as the one at fault, without its password."""
    way = f"http://me:sentinel-proxy@127.0.0.1:{free_port}"
    done = ada.jitsu("whoami", "--host", "https://jitsu.invalid", HTTPS_PROXY=way)
    refused(done, "the proxy does not lead to", "NO_PROXY")
    for odd in ("http://me:sentinel-proxy@:x", "gopher://me:sentinel-proxy@h", "http://me:sentinel-proxy@"):
        done = ada.jitsu("whoami", "--host", "https://jitsu.invalid", HTTPS_PROXY=odd)
        assert done.code == 2, done.err
        assert "HTTPS_PROXY" in done.err
        assert "sentinel" not in done.err


def test_plain_http_is_warned_about_once(ada: Person) -> None:
    """A host that is neither encrypted nor this machine is warned about, once, on stderr, quiet or not."""
    with serving(respond) as server:
        outside = f"http://0.0.0.0:{server.server_port}"
        for words in ([], ["-q"], ["--json"], ["--debug"]):
            done = ada.jitsu("whoami", "--host", outside, *words)
            assert done.code == 0
            assert done.err.count("is not encrypted") == 1
            assert "encrypted" not in done.out
        for inside in (server.url, f"http://localhost:{server.server_port}"):
            assert "encrypted" not in ada.jitsu("whoami", "--host", inside).err
