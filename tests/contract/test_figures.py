"""Figures of apps through the API: what visitors did, and what drones use."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.platforms import LocalPlatform

MIB = 1024 * 1024

ANSWERS = """
globalThis.held = Buffer.alloc(60 << 20, 1);
require('http').createServer((q, r) => {
  const status = parseInt(q.url.slice(1)) || 200;
  setTimeout(() => { r.statusCode = status; r.end('x') }, q.url === '/slow' ? 300 : 0);
}).listen(3000);
"""


def deployed(platform: LocalPlatform, name: str, drones: int = 1) -> str:
    """An app that answers with the status that its path names; the path of its routes."""
    path = f"/apps/{platform.user}/{name}"
    answer = platform.call(
        "POST", f"/apps/{platform.user}/snapshots/0.1.0", data=archive({**hello(name), "server.js": ANSWERS})
    )
    assert answer.status_code < 300, answer.text
    if drones > 1:
        assert platform.call("POST", f"{path}/cloud", [{"drones": drones}]).status_code == 200
    return path


def eventually(ask: Callable[[], Any], seconds: float = 20) -> Any:
    """What is true at last."""
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.1)
    return found


def test_requests_are_counted_by_app_and_drone(shared_platform: LocalPlatform) -> None:
    """Requests, status classes and times are counted, as a whole and by drone, and logged without queries."""
    path = deployed(shared_platform, "counted", drones=2)
    for status in (200, 200, 204, 301, 404, 500, 503):
        answer = shared_platform.get("counted", f"/{status}?secret=1", allow_redirects=False)
        assert answer.status_code == status
    shared_platform.get("counted", "/slow")
    before = shared_platform.get("nobody-lives-here")
    assert before.status_code == 404

    def all_there() -> Any:
        found = shared_platform.call("GET", f"{path}/metrics").json()
        return found if found["requests"] == 8 else None

    found = eventually(all_there)
    assert found["statuses"] == {"1xx": 0, "2xx": 4, "3xx": 1, "4xx": 1, "5xx": 2, "none": 0}
    assert sum(drone["requests"] for drone in found["drones"]) == 8
    assert len(found["drones"]) == 2
    assert found["latency"]["p99"] >= 285
    assert found["latency"]["p50"] <= found["latency"]["p90"] <= found["latency"]["p99"]
    log = shared_platform.home / "logs" / shared_platform.user / "counted" / "access.log"
    written = log.read_text()
    assert len(written.splitlines()) == 8
    assert '"GET /204 HTTP/1.1" 204' in written
    assert "secret" not in written
    assert log.stat().st_mode & 0o777 == 0o600


def test_drones_are_shown_with_what_they_use(shared_platform: LocalPlatform) -> None:
    """Per drone: pid, port, since when, restarts, memory, processor time, requests, a number to pick it."""
    path = deployed(shared_platform, "figured", drones=2)
    drones = shared_platform.call("GET", f"{path}/drones").json()["drones"]
    assert [drone["number"] for drone in drones] == [1, 2]
    for drone in drones:
        leader = psutil.Process(drone["pid"])
        processes = [leader, *leader.children(recursive=True)]
        # In a sandbox the app is not its leading process.
        assert "node" in {one.name() for one in processes}
        assert drone["memory"] == pytest.approx(sum(one.memory_info().rss for one in processes), rel=0.3)
        spent = [one.cpu_times() for one in processes]
        assert drone["cpuSeconds"] == pytest.approx(sum(one.user + one.system for one in spent), abs=0.3)
        began = datetime.fromisoformat(drone["started"]).timestamp()
        assert began == pytest.approx(leader.create_time(), abs=0.6)
        listening = {(one.laddr.ip, one.laddr.port) for of in processes for one in of.net_connections("tcp")}
        assert ("127.0.0.1", drone["port"]) in listening
        assert drone["memoryLimit"] is None
        assert drone["state"] == "ready"
        assert drone["snapshot"] == "0.1.0"
        assert drone["restarts"] == 0
        assert 10 * 2**20 < drone["memory"] < 2**30
        assert drone["cpu"] >= 0
        assert drone["cpuSeconds"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", drone["started"])
    for drone in drones:
        for _ in range(2):
            by_id = shared_platform.get("figured", headers={"x-drone": drone["id"]})
            by_number = shared_platform.get("figured", headers={"x-drone": str(drone["number"])})
            assert by_id.headers["x-drone"] == by_number.headers["x-drone"] == drone["id"]

    def counts() -> list[int]:
        shown = shared_platform.call("GET", f"{path}/drones").json()["drones"]
        return [drone["requests"] for drone in shown]

    eventually(lambda: counts() == [4, 4])
    assert shared_platform.call("POST", f"{path}/stop").status_code == 200
    assert shared_platform.call("GET", f"{path}/drones").json() == {"drones": []}


def test_a_bound_of_memory_holds_for_drones_that_run(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """At once; one that uses more keeps the old one, and command, view and log say so."""
    path = deployed(shared_platform, "bounded")

    def limits() -> list[int | None]:
        shown = shared_platform.call("GET", f"{path}/drones").json()["drones"]
        return [drone["memoryLimit"] for drone in shown]

    for ram in (512, 400, 700):
        assert shared_platform.call("POST", f"{path}/cloud", [{"drones": 1, "ram": ram}]).status_code == 200
        assert limits() == [ram * MIB]
    low = shared_platform.jitsu("cloud", "bounded", "--ram", "32", cwd=tmp_path)
    assert "drone 1 uses" in low.stderr
    assert "it keeps to 700 MiB until `jitsu restart bounded`" in low.stderr
    assert limits() == [700 * MIB]
    keeps = "uses more than that, and keeps to 700 MiB until it is launched again"
    said = eventually(
        lambda: keeps in (log := shared_platform.jitsu("logs", "bounded", cwd=tmp_path).stdout) and log
    )
    assert "memory of each drone: 32 MiB, before: 700 MiB" in said
    fine = shared_platform.jitsu("cloud", "bounded", "--ram", "300", cwd=tmp_path)
    assert "uses" not in fine.stderr
    assert "MiB of 300 MiB," in shared_platform.jitsu("view", "bounded", cwd=tmp_path).stdout
    assert shared_platform.call("POST", f"{path}/restart").status_code == 200
    assert limits() == [300 * MIB]


def test_prometheus_reads_the_figures(shared_platform: LocalPlatform) -> None:
    """`/metrics` is in the text format of Prometheus, and shows a token for one app only that app."""
    from prometheus_client.parser import text_string_to_metric_families

    path = deployed(shared_platform, "scraped")
    deployed(shared_platform, "not-scraped")
    assert shared_platform.get("scraped").status_code == 200
    assert shared_platform.get("scraped", "/500").status_code == 500
    eventually(lambda: shared_platform.call("GET", f"{path}/metrics").json()["requests"] == 2)

    def samples(**more: Any) -> dict[str, list[Any]]:
        answer = shared_platform.call("GET", "/metrics", **more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        found: dict[str, list[Any]] = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found

    app = f"{shared_platform.user}/scraped"
    found = {name: [s for s in some if s.labels["app"] == app] for name, some in samples().items()}
    assert {(s.labels["code"], s.value) for s in found["jitsu_requests_total"]} == {("200", 1), ("500", 1)}
    assert [s.value for s in found["jitsu_request_seconds_count"]] == [2]
    assert [s.value for s in found["jitsu_drone_up"]] == [1]
    assert found["jitsu_drone_memory_bytes"][0].value > 2**20
    made = shared_platform.call(
        "PUT", f"/users/{shared_platform.user}/tokens/prom", {"scope": "read", "app": "scraped"}
    ).json()
    own = samples(auth=(shared_platform.user, made["prom"]))
    assert {s.labels["app"] for some in own.values() for s in some} == {app}
    assert shared_platform.call("GET", "/metrics", auth=("nobody", "wrong")).status_code == 401


@pytest.mark.slow
def test_counts_survive_a_silent_server(shared_platform: LocalPlatform) -> None:
    """What visitors do while no server runs is kept in the pipe, and counted by the next one."""
    from jitsu_py.server import run

    path = deployed(shared_platform, "unwatched")
    shared_platform.get("unwatched")
    eventually(lambda: shared_platform.call("GET", f"{path}/metrics").json()["requests"] == 1)
    port = int(shared_platform.status.router.rpartition(":")[2])
    run.leave(shared_platform.home)
    try:
        for _ in range(5):
            assert shared_platform.get("unwatched").status_code == 200
    finally:
        shared_platform.status = run.start(shared_platform.home)
    assert int(shared_platform.status.router.rpartition(":")[2]) == port
    eventually(lambda: shared_platform.call("GET", f"{path}/metrics").json()["requests"] == 5)
