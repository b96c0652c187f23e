"""What Prometheus may know: counts, times and sizes, in a registry of the server's own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .. import __version__
from .admission import Admission
from .limits import Limits
from .work import Done

__all__ = ["Metrics"]

# From a tenth of a millisecond, which is a small solve, to the default time limit and a queue of them.
_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_CLIENTS = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


class Metrics:
    """The server's metrics."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, admission: Admission, limits: Limits) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"fedss_opt_{name}", meaning, registry=self.registry)

        def seconds(name: str, meaning: str, label: str) -> Histogram:
            return Histogram(f"fedss_opt_{name}", meaning, [label], buckets=_SECONDS, registry=self.registry)

        def counter(name: str, meaning: str, labels: list[str]) -> Counter:
            return Counter(f"fedss_opt_{name}", meaning, labels, registry=self.registry)

        info = Gauge("fedss_opt_info", "The release that serves.", ["version"], registry=self.registry)
        info.labels(__version__).set(1)
        gauge("in_flight", "Requests under way: running and waiting.").set_function(lambda: admission.in_flight)
        gauge("in_flight_limit", "Requests under way beyond which new ones are refused.").set(limits.in_flight)
        gauge("workers", "Solves that run at a time.").set(limits.workers)
        self._requests = counter("requests", "Requests by path and HTTP status.", ["path", "status"])
        self._refusals = counter("refusals", "Requests without an answer, by reason.", ["kind"])
        self._answers = counter("answers", "Answers by status and stop reason.", ["status", "stop_reason"])
        self._request_seconds = seconds("request_seconds", "From a request's head to its answer.", "path")
        self._solve_seconds = seconds("solve_seconds", "Time inside the method.", "method")
        self._clients = Histogram(
            "fedss_opt_problem_clients", "Clients of a problem.", buckets=_CLIENTS, registry=self.registry
        )

    def request(self, path: str, status: int, elapsed_s: float, refusal: str | None) -> None:
        """Count a request that is over."""
        self._requests.labels(path, str(status)).inc()
        self._request_seconds.labels(path).observe(elapsed_s)
        if refusal is not None:
            self._refusals.labels(refusal).inc()

    def solved(self, done: Done) -> None:
        """Count an answer."""
        self._answers.labels(done.outcome, done.stop_reason).inc()
        self._solve_seconds.labels(done.method).observe(done.seconds)
        self._clients.observe(done.n_clients)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
