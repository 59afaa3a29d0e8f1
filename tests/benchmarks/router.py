"""What the router adds to a request, held against nginx before the same drone in the same run."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from jitsu_py.server.router.config import TYPES
from tests.e2e.steps import haproxy
from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NGINX = """
worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log; daemon on;
events {{ worker_connections 4096; }}
http {{
  log_format measured '$host $upstream_addr $status $request_time $bytes_sent $remote_addr '
    '[$time_local] "$request" $request_id';
  access_log {log};
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream drone {{ server 127.0.0.1:{drone}; keepalive 64; keepalive_requests 1000000; }}
  keepalive_requests 1000000;
  gzip on; gzip_proxied any; gzip_types {types};
  server {{
    listen 127.0.0.1:{port} backlog=4096; server_name bench.localhost;
    location / {{
      proxy_pass http://drone; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto http; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Request-Id $request_id;
    }}
  }}
}}
"""

CONNECTIONS = 16


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure: requests a second, and the proxy's own processor time for each.

    The order turns round with every round; both proxies have as many workers, compress
    text, and write an access log.

    Args:
        small: two short rounds, to see that it works.

    Returns:
        Rows as `tests.benchmarks` describes them; none of a ratio where nginx or wrk is missing.
    """
    if missing := [name for name in ("nginx", "wrk") if shutil.which(name) is None]:
        return [
            {"name": f"router (needs {', '.join(missing)})", "ours": 0.0, "unit": "req/s", "target": None}
        ]
    rounds, seconds = (2, 1) if small else (16, 2)
    with (
        tempfile.TemporaryDirectory(prefix="jitsu-bench-") as name,
        LocalPlatform(Path(name, "home")) as here,
    ):
        drone, port = _deployed(here), int(here.status.router.rpartition(":")[2])
        (master, *workers) = map(psutil.Process, haproxy(here))
        everybody = [master, *workers]
        with nginx(Path(name, "nginx"), drone, port + 1, threads(workers[-1])) as theirs:
            sides: dict[str, tuple[int, Callable[[], list[psutil.Process]]]]
            sides = {"ours": (port, lambda: everybody), "nginx": (port + 1, theirs.children)}
            found: dict[str, list[tuple[float, float]]] = {"ours": [], "nginx": []}
            for at in range(rounds):
                for side in sorted(sides, reverse=at % 2 == 0):
                    found[side].append(_load(*sides[side], seconds))
    return _rows(found)


def _deployed(platform: LocalPlatform) -> int:
    """Deploy the smallest app, and find its drone's port."""
    answer = platform.call("POST", f"/apps/{platform.user}/snapshots/0.1.0", data=archive(hello("bench")))
    answer.raise_for_status()
    lines = platform.call("GET", f"/logs/{platform.user}/bench").json()
    words = "\n".join(line["description"] for line in lines)
    found = re.search(r"launched.* port (\d+)", words)
    assert found, words
    return int(found[1])


def threads(worker: psutil.Process) -> int:
    """As many as HAProxy runs with."""
    return int(worker.num_threads())


@contextmanager
def nginx(folder: Path, drone: int, port: int, workers: int, *, log: bool = True) -> Iterator[psutil.Process]:
    """An nginx before a drone; its master process."""
    folder.mkdir()
    config = folder / "nginx.conf"
    where = f"{folder}/access.log measured" if log else "off"
    # Of itself it compresses text/html, and warns who names that.
    types = " ".join(kind for kind in TYPES if kind != "text/html")
    config.write_text(
        NGINX.format(folder=folder, drone=drone, port=port, workers=workers, log=where, types=types)
    )
    subprocess.run(["nginx", "-p", str(folder), "-c", str(config)], check=True, stdin=subprocess.DEVNULL)
    master = psutil.Process(int((folder / "pid").read_text()))
    try:
        yield master
    finally:
        master.terminate()
        psutil.wait_procs([master], timeout=10)


def _load(port: int, processes: Callable[[], list[psutil.Process]], seconds: int) -> tuple[float, float]:
    """Requests a second, and microseconds of the proxy's processor time for each."""
    running, before = processes(), _spent(processes())
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-H", "Host: bench.localhost"]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    requests = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert requests, said
    assert rate, said
    return float(rate[1]), (_spent(running) - before) / int(requests[1]) * 1e6


def _spent(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def _rows(found: dict[str, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    (rate, theirs, ratio), (cost, cost_theirs, dearer) = (
        _compared([one[at] for one in found["ours"]], [one[at] for one in found["nginx"]]) for at in (0, 1)
    )
    return [
        {"name": f"router, {CONNECTIONS} connections", "ours": rate, "unit": "req/s", "other": "nginx",
         "other_s": theirs, "ratio": ratio, "target": 0.95, "at_least": True},
        {"name": "… its processor time for a request", "ours": cost, "unit": "us", "other": "nginx",
         "other_s": cost_theirs, "ratio": dearer, "target": None},
    ]  # fmt: skip


def _compared(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Both medians, and that of the ratios by round: a round's two sides had the same machine."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return statistics.median(ours), statistics.median(theirs), statistics.median(ratios)
