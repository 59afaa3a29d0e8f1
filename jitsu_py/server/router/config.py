"""The files HAProxy starts from, rendered from the table: haproxy.cfg, the map, the pages."""

from __future__ import annotations

import hashlib
import os
import re
import resource
from typing import TYPE_CHECKING, Final

from . import access, pages
from .slots import APPLIED, MAP, both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .front import Front
    from .slots import Table

CONFIG: Final = "haproxy.cfg"
SOCKET: Final = "haproxy.sock"
LISTENER: Final = "JITSU_LISTENER"
"""Environment variable with the number of the listening socket that HAProxy inherits."""

COOKIE: Final = "jitsu-drone"
"""Names the drone that a visitor of an app with several had last."""

TYPES: Final = (
    *("text/html", "text/plain", "text/css", "text/javascript", "text/xml", "text/markdown", "text/csv"),
    *("application/javascript", "application/json", "application/ld+json", "application/xml"),
    *("application/manifest+json", "application/xhtml+xml", "application/rss+xml", "application/atom+xml"),
    *("application/wasm", "image/svg+xml", "font/ttf", "font/otf", "application/vnd.ms-fontobject"),
)
"""Content types that are compressed."""

_HTML = '"text/html; charset=utf-8"'
_STORE = "hdr cache-control no-store"

_COMPRESSION = f"""\
  # Of what the app has not compressed itself, and what is no stream of events.
  compression algo gzip
  compression type {" ".join(TYPES)}
"""

_HEAD = """\
# Written by jitsu at each start of HAProxy; changes are lost.
global
  stats socket unix@{socket} mode 600 level admin
  stats timeout 1h
  description {mark}
  maxconn {maxconn}
  nbthread {threads}
  # Node takes 16 KiB of headers; the client's must fit beside ours. Not more: HAProxy copies a whole buffer
  # with each request that it may have to ask again.
  tune.bufsize 20480
  tune.http.maxhdr 256
{front_globals}  # A worker that a reload replaced ends at last, whatever WebSocket is still open.
  hard-stop-after 1d

defaults base
  mode http
  # Also the time between two tries to connect to a drone that refuses (HAProxy waits as long as a connect
  # may take, at most 1 s): long enough for a restart of Node, short enough not to be felt after it.
  timeout connect 300ms
  retries 5
  option redispatch 1
  # A worker that is replaced lets a visitor's open connection have one more answer, not a reset.
  option idle-close-on-response
  timeout http-request 15s
  timeout http-keep-alive 75s
  timeout client 10m
  timeout server 10m
  timeout queue 5s
  timeout client-fin 30s
  timeout server-fin 30s
  timeout tunnel 1h

# GET, HEAD, OPTIONS: connections are shared; what a drone closed unanswered is asked again. Not "reuse
# always": on a shared connection HAProxy 2.8 neither waits between two tries nor, when all failed, answers;
# it closes, which only a visitor who has had an answer on his connection knows to take as "ask again".
defaults reads from base
  balance roundrobin
{compression}  http-reuse safe
  retry-on conn-failure empty-response
{errors}

# All others: asked once. Each has a connection of its own, since one that Node is just closing for
# idleness (after 5 s, by default) could not be told from a drone that died after it had acted.
defaults writes from base
  balance roundrobin
{compression}  http-reuse never
  option http-server-close
{errors}

frontend apps from base
  bind "fd@${{{listener}}}"
{front_bind}  # Into a pipe, which never makes HAProxy wait: what does not fit is dropped, and counted.
  log "fd@${{{pipe}}}" len {longest} format raw local0
  log-format "{format}"
  option dontlognull
  # 64 bits, each time anew: half the price of a UUID.
  unique-id-format %[rand,hex,bytes(8)]%[rand,hex,bytes(8)]
  http-request set-var(txn.route) req.fhdr(host),host_only,lower,rtrim(.),map_str({map},unknown)
{front_first}  http-request set-var(txn.json) bool(true) if {{ req.fhdr(accept) -m sub -i application/json }}
  http-request del-header x-forwarded- -m beg
  http-request del-header forwarded
  http-request add-header x-forwarded-for %[src]
  http-request add-header x-forwarded-proto http
  http-request add-header x-forwarded-host %[req.fhdr(host)]
  http-request add-header x-forwarded-port %[dst_port]
  http-request set-header x-request-id %[unique-id]
{front_last}  # A drone is picked by x-drone (number or id), or among several by the visitor's cookie.
  # Only the map knows which drones a release has now: one that is being drained is not picked any more.
  acl several var(txn.route),field(4,|) -m int gt 1
  acl named var(txn.named) -m found
  acl picked var(txn.pick) -m found
  http-request set-var(txn.named) req.fhdr(x-drone) if {{ req.fhdr(x-drone) -m found }}
  http-request set-var(txn.wished) var(txn.named) if named
  http-request set-var(txn.wished) req.cook({cookie}) if several !named
  http-request set-var(txn.pick) {picked} if {{ var(txn.wished) -m found }}
  http-response set-header x-drone %[srv_name] if named
  # Not where others may keep the answer: they would give one visitor's drone to all.
  acl shared res.fhdr(cache-control) -m sub -i public s-maxage
  http-response add-header set-cookie "{cookie}=%[srv_name]; {attributes}" if several !picked !shared
  use_backend nodrone if named !picked {{ var(txn.route) -m reg ^s[0-9] }}
  acl once req.fhdr_cnt(content-length) gt 0
  acl once req.fhdr_cnt(transfer-encoding) gt 0
  acl twice method GET HEAD OPTIONS
  use_backend %[var(txn.route),field(1,|)]w if !twice || once
  use_backend %[var(txn.route),field(1,|)]
  default_backend unknown

{front_backends}"""


def render(table: Table, mark: str, front: Front, *, compresses: bool = True) -> dict[str, str]:
    """All files by name. Only drones that get requests are in them: a fresh HAProxy has nothing under way."""
    config = _static(mark, front, compresses) + "".join(_slots(table))
    files = {CONFIG: config, MAP: "".join(f"{host} {entry}\n" for host, entry in table.hosts.items())}
    for name, words in pages.PAGES.items():
        files[f"{name}.html"], files[f"{name}.json"] = pages.html(words), pages.json(words)
    for status, words in pages.ERRORS.items():
        files[f"{status}.page"] = pages.either(words)
    return files


def mark(address: str, port: int, size: int, front: Front, *, compresses: bool = True) -> str:
    """What our HAProxy says of itself (`description`): where it listens, on which configuration."""
    texts = [
        _static("", front, compresses),
        *map(repr, pages.PAGES.values()),
        *map(repr, pages.ERRORS.values()),
    ]
    digest = hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
    return f"jitsu {address} {ports(port, front)} {digest} {size}"


def ports(port: int, front: Front) -> str:
    """Where visitors come in: `8080`, or with HTTPS `8080+8443`."""
    return f"{port}+{front.https.port}" if front.https else str(port)


def read_mark(info: str) -> tuple[str, str, int] | None:
    """Find in the answer to `show info` address, ports and size of the pool; None: it is not ours."""
    found = re.search(r"^description: jitsu (\S+) ([\d+]+) \S+ (\d+)$", info, re.MULTILINE)
    return (found[1], found[2], int(found[3])) if found else None


def _static(mark: str, front: Front, compresses: bool) -> str:
    errors = "\n".join(_errors())
    head = _HEAD.format(
        socket=SOCKET,
        mark=mark,
        maxconn=_connections(),
        threads=_threads(),
        errors=errors,
        compression=_COMPRESSION if compresses else "",
        listener=LISTENER,
        pipe=access.PIPE,
        longest=access.LONGEST,
        cookie=COOKIE,
        attributes="Path=/; HttpOnly; SameSite=Lax%[ssl_fc,iif('; Secure','')]",
        picked=f"var(txn.route),field(1,|),concat(/,txn.wished),map_str({MAP})",
        format=access.FORMAT,
        map=MAP,
        front_globals=front.globals(),
        front_bind=front.bind(),
        front_first=front.first(),
        front_last=front.last(),
        front_backends=front.backends(),
    )
    return head + "\n".join(_places()) + "\n\n"


def _errors() -> Iterator[str]:
    for status, words in pages.ERRORS.items():
        again = f" hdr retry-after {words.retry}" if words.retry else ""
        rest = f"hdr x-jitsu-page {status}{again} {_STORE}"
        yield f"  http-error status {status} content-type {_HTML} lf-file {status}.page {rest}"
    asked = "{ status 502:504 } { res.fhdr(x-jitsu-page) -m found } { var(txn.json) -m bool }"
    yield f"  http-after-response set-header content-type application/json if {asked}"


def _places() -> Iterator[str]:
    for page in ("unknown", "stopped", "starting", "crashing", "nodrone"):
        for backend in (page, f"{page}w"):
            yield f"backend {backend} from base"
            if page == "unknown":
                yield "  http-request set-var(txn.host) req.fhdr(host),host_only,lower,rtrim(.)"
                yield '  http-request set-var(txn.shown) str("this address")'
                yield "  acl harmless var(txn.host) -m reg ^[a-z0-9.-]{1,253}$"
                yield "  http-request set-var(txn.shown) var(txn.host) if harmless"
                yield from _returns("booting", f" !{{ str({APPLIED}),map_str({MAP},no) -m str yes }}")
            yield from _returns(page, "")


def _returns(page: str, condition: str) -> Iterator[str]:
    words = pages.PAGES[page]
    again = f" hdr retry-after {words.retry}" if words.retry else ""
    rule = f"  http-request return status {words.status} content-type"
    json = "{ var(txn.json) -m bool }"
    rest = f"hdr x-jitsu-page {page}{again} {_STORE}"
    yield f"{rule} application/json lf-file {page}.json {rest} if {json}{condition}"
    yield f"{rule} {_HTML} lf-file {page}.html {rest}" + (f" if{condition}" if condition else "")


def _slots(table: Table) -> Iterator[str]:
    running = set(table.running().values())
    for slot in range(1, table.size + 1):
        inside = table.servers.get(slot, {}) if slot in running else {}
        for backend, kind in zip(both(slot), ("reads", "writes"), strict=True):
            yield f"backend {backend} from {kind}\n"
            yield "  use-server %[var(txn.pick)] if { var(txn.pick) -m found }\n"
            for name, server in inside.items():
                if server.ready:
                    yield f"  server {name} 127.0.0.1:{server.port}\n"


def _connections() -> int:
    """How many clients at once: two descriptors each, as far as the hard limit allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 20_000 if hard == resource.RLIM_INFINITY else max(64, min(20_000, (hard - 256) // 2))


def _threads() -> int:
    """How many threads: apps need the other half of the cores, and threads without a core wait for locks."""
    return max(1, min(16, (os.cpu_count() or 1) // 2))
