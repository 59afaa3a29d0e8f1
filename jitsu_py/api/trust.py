"""The way to the server: proxies, trusted certificates, and a server that does not prove who it is."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from jitsu_py.errors import UnreachableError, UsageError

UNTRUSTED = "untrusted"
"""Code: the server does not prove that it is who its address says."""

OWN_CA = "is its authority your own? --cacert FILE (or `jitsu config set cacert FILE`) names its certificate"
RENEW = "its owner has to renew the certificate; is this machine's clock right?"
NAME = "use the name that stands in the certificate: `jitsu host URL`"

STRANGE_CA = "its certificate comes from an authority that is not trusted here"

SENTENCES = {
    9: ("its certificate is not valid yet", RENEW),
    10: ("its certificate has expired", RENEW),
    18: ("its certificate is signed by itself", OWN_CA),
    19: (STRANGE_CA, OWN_CA),
    20: (STRANGE_CA, OWN_CA),
    21: (STRANGE_CA, OWN_CA),
    62: ("its certificate is for another name", NAME),
    64: ("its certificate is for another address", NAME),
}
"""What is said of each of OpenSSL's verdicts (X509_V_ERR_…, `verify_code` in `ssl`), and what to do."""

PROXIES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
"""How a proxy may be spoken to."""

NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's reasons when what answers speaks no TLS."""


def checked_bundle(verify: bool | str) -> bool | str:
    """A CA bundle that can be used, or whether to check certificates at all.

    Args:
        verify: a file or folder of certificates; True: the environment's, else the usual authorities.

    Raises:
        UsageError: the file is not there or holds no certificate.
    """
    if isinstance(verify, bool):
        return _of_the_environment() or True if verify else False
    if not Path(verify).is_dir():
        _load(verify)
    return verify


def _of_the_environment() -> str | None:
    """The bundle that the variables known to requests and curl name."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if given := os.environ.get(name):
            if not Path(given).exists():
                raise UsageError(f"{given} (environment {name}) is not there")
            return given
    return None


def _load(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError as error:
        raise UsageError(
            f"{file} (cacert) holds no certificate that can be read",
            hint="it should be a PEM file: -----BEGIN CERTIFICATE-----",
        ) from error
    except OSError as error:
        raise UsageError(f"{file} (cacert) cannot be read: {error.strerror}") from error


def check_proxy(proxy: str | None) -> None:
    """Refuse a proxy of the environment that is no address; it is not shown: it may hold a password.

    Raises:
        UsageError: it cannot be used.
    """
    if proxy is None:
        return
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = bool(parts.hostname) and parts.scheme in PROXIES and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            "the proxy that the environment names is no address",
            hint="HTTPS_PROXY, HTTP_PROXY and ALL_PROXY should be as http://proxy.example:3128",
        )


def untrusted(host: str, causes: list[BaseException]) -> UnreachableError:
    """The server's certificate does not prove that it is that host, or it speaks no TLS.

    Args:
        host: base URL.
        causes: what was raised, the innermost last.
    """
    why, hint = str(causes[-1])[:200], "`jitsu host` shows which server is used and changes it"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            unknown = (f"its certificate is refused: {cause.verify_message}", OWN_CA)
            why, hint = SENTENCES.get(cause.verify_code, unknown)
        elif isinstance(cause, ssl.SSLError) and cause.reason in NO_TLS:
            why = "what answers there speaks no TLS"
            hint = f"without encryption its address is {host.replace('https:', 'http:', 1)}"
    return UnreachableError(f"no safe connection to {host}: {why}", hint=hint, code=UNTRUSTED)
