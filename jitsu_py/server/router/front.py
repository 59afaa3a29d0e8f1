"""What HAProxy has beside the routes of apps: HTTPS, answers to ACME, the API under its own name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CERTIFICATES: Final = "certs.list"
"""HAProxy's list of certificates, known to its runtime socket by it; the first is for unknown names."""

DEFAULT: Final = "default.pem"
"""What visitors of a name without a certificate are shown."""

CHALLENGES: Final = "challenges.map"
"""`host/.well-known/acme-challenge/token` -> the answer."""

SECURED: Final = "https.map"
"""Hosts whose visitors are sent to HTTPS."""

TLS_LISTENER: Final = "JITSU_TLS_LISTENER"
"""Environment variable with the number of the listening socket for HTTPS that HAProxy inherits."""

HSTS: Final = 180 * 86400
"""Seconds for which browsers remember to come by HTTPS."""

_TICKETS = "ECDHE-{0}-AES128-GCM-SHA256:ECDHE-{0}-AES256-GCM-SHA384:ECDHE-{0}-CHACHA20-POLY1305"
_CIPHERS: Final = ":".join(_TICKETS.format(key) for key in ("ECDSA", "RSA"))
"""For TLS 1.2: forward secrecy and authenticated encryption; those of TLS 1.3 are all sound."""

_GLOBAL: Final = """\
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-bind-ciphers {ciphers}
  ssl-default-bind-curves X25519:P-256:P-384
"""

_BIND: Final = """\
  bind "fd@${{{listener}}}" ssl crt-list {certificates} alpn h2,http/1.1
"""

_HOST: Final = "  http-request set-var(txn.host) req.fhdr(host),host_only,lower,rtrim(.)\n"

_ACME: Final = """\
  http-request set-var(txn.asked) path
  acl proving path_beg /.well-known/acme-challenge/
  http-request set-var(txn.proof) var(txn.host),concat(,txn.asked),map_str({challenges}) if proving
  acl proved var(txn.proof) -m found
  http-request return status 200 content-type text/plain lf-string %[var(txn.proof)] if proving proved
"""

_SECURE: Final = """\
  http-request set-var(txn.secured) var(txn.host),map_str({secured})
  acl secured var(txn.secured) -m found
  acl asks method GET HEAD
  http-request redirect location https://%[var(txn.host)]{port}%[pathq] code 301 if !{{ ssl_fc }} secured asks
  http-request redirect location https://%[var(txn.host)]{port}%[pathq] code 308 if !{{ ssl_fc }} secured
"""

_HSTS: Final = """\
  acl secure ssl_fc
  acl promised res.hdr({promise}) -m found
  acl local var(txn.host) -m end .localhost
  http-after-response set-header {promise} max-age={hsts} if secure secured !promised !local
"""

_PROTO: Final = "  http-request set-header x-forwarded-proto https if { ssl_fc }\n"

_API: Final = """\
backend api from writes
  # Events of a build or a log come when there are some; the API says something every few seconds.
  server api {address}:{port}

"""


@dataclass(frozen=True)
class Https:
    """How visitors come by HTTPS."""

    port: int
    hsts: int = 0
    """Seconds that `Strict-Transport-Security` says; 0: it is not said."""


@dataclass(frozen=True)
class ApiHost:
    """The API under a name of its own."""

    host: str
    address: str
    """Where the API listens."""
    port: int


@dataclass(frozen=True)
class Front:
    """All of it; by default there is nothing."""

    https: Https | None = None
    api: ApiHost | None = None

    def globals(self) -> str:
        """Lines of the section `global`."""
        return _GLOBAL.format(ciphers=_CIPHERS) if self.https else ""

    def bind(self) -> str:
        """Lines of the frontend that listen."""
        return _BIND.format(listener=TLS_LISTENER, certificates=CERTIFICATES) if self.https else ""

    def first(self) -> str:
        """Rules of the frontend before all others."""
        if self.https is None:
            return _HOST if self.api else ""
        port = "" if self.https.port == 443 else f":{self.https.port}"
        hsts = self._promise(self.https.hsts) if self.https.hsts else ""
        return _HOST + _ACME.format(challenges=CHALLENGES) + _SECURE.format(secured=SECURED, port=port) + hsts

    def _promise(self, seconds: int) -> str:
        return _HSTS.format(hsts=seconds, promise="strict-transport-security")

    def last(self) -> str:
        """Rules of the frontend before it leads to an app."""
        proto = _PROTO if self.https else ""
        lead = f"  use_backend api if {{ var(txn.host) -m str {self.api.host} }}\n" if self.api else ""
        return proto + lead

    def backends(self) -> str:
        """Backends of its own."""
        if self.api is None:
            return ""
        address = f"[{self.api.address}]" if ":" in self.api.address else self.api.address
        return _API.format(address=address, port=self.api.port)
