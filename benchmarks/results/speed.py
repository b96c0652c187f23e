"""How fast a run is, how much memory it takes, and where the time goes; each measured in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fedss_opt.documents.files import write_atomically
from fedss_opt.exceptions import FileFormatError
from fedss_opt.simulation.engine import Simulation
from fedss_opt.studies.grid import Job

from .cache import code_digest, digest_of, identity
from .report import Claim, Report
from .studies import FOLDER, Study, read_study
from .tables import share, table

__all__ = ["PHASES", "Timers", "find", "measure", "profile_names", "speed"]

_KIND = "fedss_opt results speed"
_LIMIT_S, _LIMIT_GIB = 60.0, 2.0

_ALGORITHMS = "fedss_opt.simulation.algorithms"
PHASES: Mapping[str, tuple[str, ...]] = {
    "data": ("fedss_opt.simulation.engine:make_federation",),
    "links and downlink": (
        "fedss_opt.simulation.radio_cell:RadioCell.links",
        "fedss_opt.simulation.radio_cell:RadioCell.downlink_s",
    ),
    "allocation": ("fedss_opt.simulation.engine:plan_uplink",),
    "local training": (f"{_ALGORITHMS}.base:train", f"{_ALGORITHMS}.base:batch_order"),
    "payloads": tuple(f"fedss_opt.sharing.payload:{name}" for name in ("encode", "encode_many", "decode_many")),
    "relevance, aggregation, masks": (f"{_ALGORITHMS}.fedss:FedSS.aggregate",),
    "testing": ("fedss_opt.simulation.engine:judge",),
}
"""Phase -> the functions whose time it is, less what they spend in functions of other phases."""


class Timers:
    """Seconds by phase, measured from outside: each second belongs to the innermost phase."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._open: list[str] = []
        self._since = clock()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside for a phase."""
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def _settle(self) -> None:
        now = self._clock()
        if self._open:
            self.seconds[self._open[-1]] = self.seconds.get(self._open[-1], 0.0) + now - self._since
        self._since = now

    def around(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return a function that counts for a phase."""

        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self.phase(name):
                return function(*arguments, **options)

        return timed


def profile_names() -> list[tuple[str, Any, str]]:
    """Return phase, owner and attribute of every function that is timed."""
    found = []
    for phase, names in PHASES.items():
        for name in names:
            module, _, path = name.partition(":")
            owner: Any = import_module(module)
            *outer, attribute = path.split(".")
            for part in outer:
                owner = getattr(owner, part)
            found.append((phase, owner, attribute))
    return found


def measure(job: Job, *, profile: bool) -> dict[str, Any]:
    """Run a job in this process, and return its seconds, its peak memory and, on request, seconds by phase."""
    timers = Timers()
    with ExitStack() as stack:
        if profile:
            for phase, owner, attribute in profile_names():
                stack.enter_context(patch.object(owner, attribute, timers.around(getattr(owner, attribute), phase)))
        began = time.perf_counter()
        simulation = Simulation(
            job.settings, algorithm=job.variant.base, options=job.variant.options, policy=job.policy, seed=job.seed
        )
        last = simulation.run().records[-1]
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "peak_bytes": peak, "phases": timers.seconds, "accuracy": last.accuracy_mean}


# -- the study
# ---------------------------------------------------------------------------------------------------------


def _file(folder: Path, job: Job) -> Path:
    return folder / f"speed-{digest_of(identity(job))[:20]}.json"


def find(study: Study, folder: Path, *, any_code: bool = False, rounds: int | None = None) -> dict[str, dict[str, Any]]:
    """Measure every case of the study that has not been measured, each twice: plain, and by phase.

    Raises
    ------
    FileFormatError
        When an earlier measurement cannot be read, or was made by other code.
    """
    found = {}
    for case, jobs in study.jobs().items():
        path = _file(folder, jobs[0])
        if path.exists():
            document = json.loads(path.read_text(encoding="utf-8"))
            if document.get("kind") != _KIND or document.get("run") != json.loads(json.dumps(identity(jobs[0]))):
                raise FileFormatError(f"{path}: is no measurement of this run; remove it")
            if not any_code and document.get("code") != code_digest():
                raise FileFormatError(
                    f"{path}: was measured with other code than this; give another --out, remove the folder, or use "
                    "it all the same with --any-code"
                )
        else:
            document = {
                "kind": _KIND,
                "code": code_digest(),
                "run": identity(jobs[0]),
                "plain": _elsewhere(case, profile=False, rounds=rounds),
                "profiled": _elsewhere(case, profile=True, rounds=rounds),
            }
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(document).encode())
        found[case] = {"run": jobs[0], **document["plain"], "phases": document["profiled"]["phases"]}
        found[case]["profiled_seconds"] = document["profiled"]["seconds"]
    return found


def _elsewhere(case: str, *, profile: bool, rounds: int | None) -> dict[str, Any]:
    """Measure in a new process, whose memory nothing else has touched and whose kernels come from the disk."""
    arguments = [sys.executable, "-m", __name__, case, *(["--profile"] if profile else [])]
    arguments += [] if rounds is None else ["--rounds", str(rounds)]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def speed(found: Mapping[str, Mapping[str, Any]]) -> Report:
    """Tell seconds, memory and where the time goes."""
    rows = []
    for case, what in found.items():
        settings = what["run"].settings
        rows.append(
            [
                f"{case}: {settings.data.n_clients} clients, {settings.rounds} rounds",
                f"{what['seconds']:.3g}",
                f"{1e3 * what['seconds'] / settings.rounds:.3g}",
                f"{what['peak_bytes'] / 2**20:.0f}",
            ]
        )
    claims = []
    if "usual" in found:
        seconds, settings = found["usual"]["seconds"], found["usual"]["run"].settings
        claims.append(
            Claim(
                f"a run of {settings.rounds} rounds and {settings.data.n_clients} clients takes seconds",
                f"{seconds:.3g} s",
                "held" if seconds < _LIMIT_S else "missed",
            )
        )
    if "thousand" in found:
        peak, settings = found["thousand"]["peak_bytes"] / 2**30, found["thousand"]["run"].settings
        claims.append(
            Claim(
                f"{settings.data.n_clients} clients over {settings.rounds} rounds need at most 2 GiB",
                f"{peak:.2f} GiB, {found['thousand']['seconds']:.3g} s",
                "held" if peak <= _LIMIT_GIB else "missed",
            )
        )
    head = ["run", "seconds", "ms a round", "peak memory, MiB"]
    return Report({"speed": table(head, rows), "profile": _profile(found)}, {}, claims)


def _profile(found: Mapping[str, Mapping[str, Any]]) -> str:
    names = sorted(PHASES, key=lambda phase: -max(what["phases"].get(phase, 0.0) for what in found.values()))
    rows = []
    for phase in names:
        cells = [(what["phases"].get(phase, 0.0), what["profiled_seconds"]) for what in found.values()]
        rows.append([phase, *(f"{spent:.2f} ({share(spent / whole)})" for spent, whole in cells)])
    rest = [
        (what["profiled_seconds"] - sum(what["phases"].values()), what["profiled_seconds"]) for what in found.values()
    ]
    rows.append(["everything else", *(f"{spent:.2f} ({share(spent / whole)})" for spent, whole in rest)])
    rows.append(["with the timers", *(f"{what['profiled_seconds']:.2f}" for what in found.values())])
    return table(["phase", *(f"{case}, s" for case in found)], rows)


def _main() -> None:
    case, *options = sys.argv[1:]
    rounds = int(options[options.index("--rounds") + 1]) if "--rounds" in options else None
    job = read_study(FOLDER / "speed.toml", rounds=rounds).jobs()[case][0]
    print(json.dumps(measure(job, profile="--profile" in options)))


if __name__ == "__main__":
    _main()
