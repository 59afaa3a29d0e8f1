"""A couch: its server is fetched with word of it, asks for its password, keeps what it acknowledged."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.contract.test_databases import BINARY, call, made, pids, until_back, until_running

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("couches")]

PICTURE = {"a.png": {"content_type": "image/png", "data": "iVBORw0KGgo="}}


def bare(url: str) -> str:
    """An address without its login."""
    parts = urlsplit(url)
    return f"http://{parts.hostname}:{parts.port}{parts.path}"


def put(url: str, path: str, body: object) -> Any:
    """PUT JSON; the answer's."""
    answer = requests.put(f"{url}{path}", json=body, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


def fill(url: str) -> None:
    """Put into a new couch: documents, attachments, a view, a conflict, a deletion, a second database."""
    documents = [{"_id": f"d {number:03}", "ü": [number, None]} for number in range(230)]
    answer = requests.post(f"{url}/_bulk_docs", json={"docs": documents}, timeout=60)
    assert answer.status_code == 201
    put(url, "/picture", {"_attachments": PICTURE})
    put(url, "/_design/by", {"views": {"n": {"map": "function (d) { emit(d._id) }"}}})
    for mark in ("a", "b"):
        twice = {"_id": "twice", "_rev": f"1-{mark * 32}", "mark": mark, "_attachments": PICTURE}
        body = {"new_edits": False, "docs": [twice]}
        assert requests.post(f"{url}/_bulk_docs", json=body, timeout=60).ok
    gone = put(url, "/gone", {})
    assert requests.delete(f"{url}/gone?rev={gone['rev']}", timeout=60).ok
    other = url.rpartition("/")[0]
    put(other, "/beside", {})
    put(other, "/beside/x%2Fy", {"z": 1})


def content(url: str) -> object:
    """Everything that is in a couch."""
    found = []
    for base in (url, f"{url.rpartition('/')[0]}/beside"):
        listed = requests.get(f"{base}/_all_docs?include_docs=true&conflicts=true", timeout=60).json()
        for row in listed["rows"]:
            found.append(row["doc"])
            for name in row["doc"].get("_attachments", ()):
                found.append(requests.get(f"{base}/{row['id']}/{name}", timeout=60).text)
            for rev in row["doc"].get("_conflicts", ()):
                path = f"{base}/{row['id']}?rev={rev}&attachments=true"
                found.append(requests.get(path, timeout=60).json())
    assert len(found) > 230
    return found


def test_the_first_couch_tells_that_its_server_is_fetched(couches: dict[str, Any]) -> None:
    """Two asked for at once wait for one fetch, `starting`, and whoever waits is told why; so are limits."""
    assert set(couches["states"]) <= {"starting", "running", "slow"}
    assert any("fetched from npm" in why for why in couches["whys"])
    assert couches["said"].count("fetched from npm, once for this platform") == 1
    assert "stands in for CouchDB" in couches["limits"]


def test_nobody_gets_in_without_the_password(shared_platform: LocalPlatform) -> None:
    """On loopback only; 401 for whatever is asked, also what ends the server when it is let through."""
    shown = made(shared_platform, "sofa", "couch")
    assert shown["metadata"].keys() == {"id", "host", "port", "username", "password"}
    assert shown["metadata"]["id"] == "sofa"
    url, login = shown["url"], (shown["metadata"]["username"], shown["metadata"]["password"])
    process = psutil.Process(_pid(shared_platform, shown))
    assert {one.laddr.ip for one in process.net_connections("tcp")} == {"127.0.0.1"}
    assert not any(login[1] in word for word in process.cmdline())
    open_url = bare(url)
    for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS", "COPY", "HEAD"):
        for wrong in (None, (login[0], "wrong"), ("admin", login[1]), (login[0], "")):
            answer = requests.request(method, open_url, auth=wrong, timeout=60)
            assert answer.status_code == 401
    for header in ("Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 9000):
        answer = requests.get(open_url, headers={"authorization": header}, timeout=60)
        assert answer.status_code == 401
    assert requests.get(open_url, auth=login, timeout=60).json()["db_name"] == "sofa"
    assert process.is_running()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_config", 403),
        ("PUT", "/_config/httpd/bind_address", 403),
        ("POST", "/_replicate", 403),
        ("PUT", "/..%2f..%2fother", 400),
        ("PUT", "/pouch__all_dbs__", 400),
        ("PUT", "/%", 400),
        ("PUT", "/Upper", 400),
    ],
)
def test_what_is_no_business_of_a_database_is_closed(
    method: str, path: str, status: int, shared_platform: LocalPlatform
) -> None:
    """Also to who knows the password."""
    shown = call(shared_platform, "GET", "/closed").json().get("database") or made(
        shared_platform, "closed", "couch"
    )
    facts = shown["metadata"]
    connection = http.client.HTTPConnection(facts["host"], facts["port"], timeout=60)
    login = requests.auth._basic_auth_str(facts["username"], facts["password"])
    connection.request(method, path, b'"x"', {"authorization": login})
    assert connection.getresponse().status == status
    connection.close()


def test_a_request_that_breaks_the_server_does_not_end_it(shared_platform: LocalPlatform) -> None:
    """Whatever is sent is answered, by the same process."""
    shown = made(shared_platform, "tough", "couch")
    url, pid = shown["url"], _pid(shared_platform, shown)
    for path in ("/_all_docs?keys=x", "/_changes?since=z&limit=q", "/_design/x/_view/y", "/_design/x/_show/y",
                 "/a?rev=1", "/a?open_revs=x", "/_local/x", "/_all_docs?startkey=%FF"):  # fmt: skip
        for method in ("GET", "PUT", "POST", "DELETE", "COPY"):
            for body in (b"", b"{", b'{"docs":5}', b'{"docs":[1,null]}', b"[]", b"null"):
                answer = requests.request(method, url + path, data=body, timeout=60)
                assert answer.status_code >= 200
    put(url, "/still", {"there": True})
    assert _pid(shared_platform, shown) == pid


def _pid(platform: LocalPlatform, shown: Any) -> int:
    (pid,) = pids(platform, shown["metadata"]["port"])
    return pid


def test_curls_documents_are_json_whatever_it_says(shared_platform: LocalPlatform) -> None:
    """As CouchDB takes them; an attachment keeps its type."""
    url = made(shared_platform, "curled", "couch")["url"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert requests.put(f"{url}/a", data=b'{"x": 1}', headers=form, timeout=60).status_code == 201
    first = requests.get(f"{url}/a", timeout=60).json()
    assert first["x"] == 1
    kept = requests.put(f"{url}/a/t?rev={first['_rev']}", data=b"x=1", headers=form, timeout=60)
    assert kept.status_code == 201
    got = requests.get(f"{url}/a/t", timeout=60)
    assert (got.content, got.headers["content-type"]) == (b"x=1", form["content-type"])


def test_a_backup_taken_back_elsewhere_is_the_same(shared_platform: LocalPlatform) -> None:
    """Revision for revision, into a database of another name; what is no backup changes nothing."""
    old, new = made(shared_platform, "old-sofa", "couch"), made(shared_platform, "9-new", "couch")
    assert new["metadata"]["id"] == "db-9-new"
    fill(old["url"])
    saved = call(shared_platform, "POST", "/old-sofa/backups").json()["backup"]
    file = call(shared_platform, "GET", f"/old-sofa/backups/{saved['id']}").content
    answer = call(shared_platform, "POST", "/9-new/restore", data=file, headers=BINARY)
    assert answer.status_code == 200, answer.text
    assert content(new["url"]) == content(old["url"])
    for wrong in (b"", b"no backup", file[: len(file) // 2]):
        refused = call(shared_platform, "POST", "/9-new/restore", data=wrong, headers=BINARY)
        assert (refused.status_code, refused.json()["error"]) == (400, "bad_request")
    assert content(new["url"]) == content(old["url"])


def test_a_new_password_voids_the_old_one(shared_platform: LocalPlatform) -> None:
    """When the answer is there; nothing is lost."""
    old = made(shared_platform, "turned", "couch")["url"]
    put(old, "/a", {"x": 1})
    new = call(shared_platform, "POST", "/turned/rotate").json()["database"]["url"]
    assert requests.get(f"{new}/a", timeout=60).json()["x"] == 1
    assert requests.get(f"{old}/a", timeout=60).status_code == 401


def test_what_was_acknowledged_outlives_kill_9(shared_platform: LocalPlatform) -> None:
    """Of the database in the midst of writes, which comes back by itself; of the server, which adopts it."""
    shown = made(shared_platform, "kept", "couch")
    url, last = shown["url"], -1
    victim = psutil.Process(_pid(shared_platform, shown))
    for number in range(60):
        if number == 40:
            victim.kill()
        try:
            if requests.put(f"{url}/{number}", json={"n": number}, timeout=60).status_code != 201:
                break
        except requests.RequestException:
            break
        last = number
    assert last >= 39
    until_back(shared_platform, "kept", victim.pid)
    listed = requests.get(f"{url}/_all_docs", timeout=60).json()["rows"]
    assert {str(number) for number in range(last + 1)} <= {row["id"] for row in listed}
    pid = _pid(shared_platform, shown)
    server = psutil.Process(shared_platform.status.pid)
    server.kill()
    server.wait(30)
    shared_platform.start()
    until_running(shared_platform, "kept")
    assert _pid(shared_platform, shown) == pid
    assert requests.get(f"{url}/0", timeout=60).json()["n"] == 0


def test_without_room_it_reads_and_removes_only(shared_platform: LocalPlatform) -> None:
    """507 for what would grow the database, as long as the platform says so."""
    url = made(shared_platform, "tight", "couch")["url"]
    put(url, "/a", {"x": 1})
    mark = shared_platform.home / "databases" / shared_platform.user / "tight" / "writable"
    deadline = time.monotonic() + 60
    while True:  # the next probe puts it back
        mark.unlink(missing_ok=True)
        answer = requests.put(f"{url}/b", data=json.dumps({}), timeout=60)
        if answer.status_code == 507:
            break
        assert time.monotonic() < deadline
        requests.delete(f"{url}/b?rev={answer.json().get('rev')}", timeout=60)
    assert requests.get(f"{url}/a", timeout=60).json()["x"] == 1
    while requests.put(f"{url}/c", json={}, timeout=60).status_code == 507:
        assert time.monotonic() < deadline
        time.sleep(0.1)
