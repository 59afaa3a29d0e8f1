"""The figures in the text format of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from jitsu_py.server.measures import Measured, Traffic
    from jitsu_py.server.store.apps import App

    Found = tuple[App, Traffic, Sequence[Measured]]

__all__ = ["CONTENT_TYPE", "exposition"]

BOUNDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Milliseconds."""


def exposition(found: Sequence[Found]) -> bytes:
    """All figures of apps with their drones."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(found))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, found: Sequence[Found]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        yield from (self._requests(), self._times(), self._wanted(), *self._drones())

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "jitsu_requests",
            "Requests that the router has answered; the code 0: the visitor left before an answer.",
            labels=["app", "drone", "code"],
        )
        for app, traffic, _ in self._found:
            elsewhere = traffic.whole.statuses.copy()
            for drone, tally in traffic.drones.items():
                elsewhere.subtract(tally.statuses)
                for status, count in tally.statuses.items():
                    family.add_metric([app.key, drone, str(status)], count)
            for status, count in elsewhere.items():
                if count > 0:
                    family.add_metric([app.key, "", str(status)], count)
        return family

    def _times(self) -> Metric:
        family = HistogramMetricFamily(
            "jitsu_request_seconds", "From a request until its answer began.", labels=["app"]
        )
        for app, traffic, _ in self._found:
            whole = traffic.whole
            buckets = [(str(bound / 1000), float(whole.within(bound))) for bound in BOUNDS]
            family.add_metric([app.key], [*buckets, ("+Inf", float(whole.requests))], whole.waited / 1000)
        return family

    def _wanted(self) -> Metric:
        family = GaugeMetricFamily("jitsu_drones_wanted", "Drones that an app is to have.", labels=["app"])
        for app, _, _ in self._found:
            family.add_metric([app.key], app.drones if app.state == "started" else 0)
        return family

    def _drones(self) -> Iterator[Metric]:
        labels = ["app", "drone", "state"]
        up = GaugeMetricFamily("jitsu_drone_up", "1: the drone is ready for requests.", labels=labels)
        memory = GaugeMetricFamily(
            "jitsu_drone_memory_bytes", "Resident memory of all its processes.", labels=labels[:2]
        )
        cpu = CounterMetricFamily(
            "jitsu_drone_cpu_seconds", "Processor time of the processes that it has.", labels=labels[:2]
        )
        restarts = CounterMetricFamily(
            "jitsu_drone_restarts", "Launches after it had ended by itself.", labels=labels[:2]
        )
        for app, _, drones in self._found:
            for one in drones:
                names = [app.key, one.drone.id]
                up.add_metric([*names, one.drone.state.value], float(one.drone.state.value == "ready"))
                restarts.add_metric(names, one.drone.restarts)
                if one.usage is not None:
                    memory.add_metric(names, one.usage.memory)
                    cpu.add_metric(names, one.usage.cpu)
        yield from (up, memory, cpu, restarts)
