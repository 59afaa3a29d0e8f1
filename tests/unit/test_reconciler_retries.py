"""When an app that did not start is tried again."""

from __future__ import annotations

from jitsu_py.server.reconciler.retries import LONGEST_WAIT, Retries


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_tries_come_ever_later() -> None:
    """After 1 s, then 2, 4 and so on, up to a minute; another app's count for themselves."""
    retries = Retries(Clock())
    waits = [retries.failed(1) for _ in range(8)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_WAIT, LONGEST_WAIT]
    assert retries.failed(2) == 1.0


def test_an_app_is_due_when_its_time_has_come() -> None:
    """One that never failed always is."""
    clock = Clock()
    retries = Retries(clock)
    assert retries.is_due(1)
    assert 1 not in retries
    retries.failed(1)
    assert not retries.is_due(1)
    assert 1 in retries
    clock.now += 1.0
    assert retries.is_due(1)
    assert 1 in retries


def test_an_app_that_started_begins_anew() -> None:
    """Also one that is stopped by a person; forgetting what is not there is no error."""
    retries = Retries(Clock())
    retries.failed(1)
    retries.failed(1)
    retries.forget(1)
    retries.forget(1)
    assert 1 not in retries
    assert retries.is_due(1)
    assert retries.failed(1) == 1.0
