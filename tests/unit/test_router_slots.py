"""What the router decides to change, without HAProxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.server.router import Page, Route, Target
from jitsu_py.server.router.pages import ERRORS, NAME, PAGES, Words, either, html, json
from jitsu_py.server.router.slots import APPLIED, Plan, Server, Table, label, plan, read_map, read_servers


def route(app: str, release: str, *names: str, host: str = "") -> Route:
    """A route to drones of these names, on ports by their order."""
    targets = tuple(Target(name, 4000 + at) for at, name in enumerate(names))
    return Route(app, (host or f"{app.partition('/')[2]}.localhost",), release, targets, Page.STOPPED)


def carried_out(table: Table, wanted: Plan) -> Table:
    """The table as it is after a plan."""
    return Table(table.size, dict(wanted.hosts), {slot: dict(each) for slot, each in wanted.servers.items()})


def test_router_plan_repeated() -> None:
    """A plan that was carried out leaves nothing to change."""
    routes = [route("a/one", "1", "d-1", "d-2"), route("a/two", "1"), route("b/one", "7", "d-3", host="x.y")]
    table = carried_out(Table(4), plan(Table(4), routes))
    again = plan(table, routes)
    assert (again.before, again.after, dict(again.hosts)) == ((), (), table.hosts)


def test_router_plan_switch() -> None:
    """Another release gets another slot; the old drones stay where they are until they are drained."""
    table = carried_out(Table(4), plan(Table(4), [route("a/one", "1", "d-1")]))
    switch = plan(table, [route("a/one", "2", "d-2")])
    table = carried_out(table, switch)
    assert table.running() == {("a/one", "2"): 2}
    assert table.vacated() == [1]
    assert table.former({"d-1", "d-2"}) == [(1, "d-1")]
    assert switch.after == ()


def test_router_plan_short_pool() -> None:
    """A pool without a free slot is told by how many it is short."""
    routes = [route(f"a/{number}", "1", f"d-{number}") for number in range(5)]
    assert plan(Table(3), routes).missing == 2


def test_router_plan_shared_host() -> None:
    """Of two apps that name one host the earlier gets it, and the other takes no slot for it."""
    wanted = plan(Table(4), [route("a/one", "1", "d-1", host="h.x"), route("a/two", "1", "d-2", host="h.x")])
    assert dict(wanted.hosts) == {APPLIED: "yes", "h.x": "s1|a/one|1|1", "s1/d-1": "d-1"}
    assert list(wanted.servers) == [1]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)), max_size=6), max_size=8
    )
)
def test_router_plan_always_right(rounds: list[list[tuple[int, int, int]]]) -> None:
    """Whatever is wanted in whatever order: hosts lead to their release, and releases never mix."""
    table = Table(64)
    for wanted in rounds:
        latest = {app: (release, drones) for app, release, drones in wanted}
        routes = [
            route(f"u/{app}", str(release), *(f"d-{app}-{release}-{at}" for at in range(drones)))
            for app, (release, drones) in latest.items()
        ]
        table = carried_out(table, plan(table, routes))
        for each in routes:
            entry = table.hosts[each.hosts[0]]
            if not each.targets:
                assert entry == f"stopped|{each.app}|"
                continue
            inside = table.servers[table.running()[each.app, each.release]]
            ready = {name: server for name, server in inside.items() if server.ready}
            assert ready == {target.name: Server(target.port) for target in each.targets}
            prefixes = {name.rpartition("-")[0] for name in inside}
            assert len(prefixes) == 1


@pytest.mark.parametrize(
    "host", ["", "A.b", "a b", "a\nb", "a|b", "a;b", "x" * 256, "/applied", "-a", "a:80", "ü.de"]
)
def test_router_bad_host(host: str) -> None:
    """What is no host name cannot get into the map."""
    with pytest.raises(ValueError, match="host"):
        Route("a/b", (host,), "1", (), Page.STOPPED)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a;b", "a\n", "x" * 129])
def test_router_bad_target(name: str) -> None:
    """What cannot name a server cannot get into a command."""
    with pytest.raises(ValueError, match="name"):
        Target(name, 80)


def test_router_labels() -> None:
    """An app's and a release's name are harmless wherever they are written."""
    assert label('u/<a>|";\n') == "u/%3Ca%3E%7C%22%3B%0A"
    assert label("alice/@scope/app") == "alice/@scope/app"


def test_router_readings() -> None:
    """HAProxy's answers are read: drones with port and state, the map with entries of any length."""
    state = (
        "1\n# be_id be_name srv_id ...\n"
        "4 s1 1 d-1 127.0.0.1 2 0 1 1 601 1 0 0 0 0 0 0 - 7101 - 0 0 - - 0\n"
        "4 s1 2 d-2 127.0.0.1 2 8 1 1 601 1 0 0 0 0 0 0 - 7102 - 0 0 - - 0\n"
        "5 s1w 1 d-1 127.0.0.1 2 0 1 1 601 1 0 0 0 0 0 0 - 7101 - 0 0 - - 0\n"
    )
    assert read_servers(state) == {1: {"d-1": Server(7101), "d-2": Server(7102, ready=False)}}
    assert read_map("0x1 a.b s1|u/a|r\n0x2 c.d stopped|u/c|\n") == {"a.b": "s1|u/a|r", "c.d": "stopped|u/c|"}
    assert read_map("") == {}


@pytest.mark.parametrize("words", [*PAGES.values(), *ERRORS.values()])
def test_router_pages_fit(words: Words) -> None:
    """Each page stays small, and HAProxy's notation in it is whole."""
    shown = html(words) + json(words)
    assert len(shown) < 2000
    assert "'" not in shown
    assert shown.count("%") == shown.count("%[")


@pytest.mark.parametrize("words", ERRORS.values())
def test_router_pages_either(words: Words) -> None:
    """A page in both forms names the app as often as each form does."""
    assert either(words).count(NAME) == json(words).count(NAME) == html(words).count(NAME)
