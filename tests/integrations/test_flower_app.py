"""The example in ``examples/flower_app``, on the grid of this process."""

from __future__ import annotations

import math
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")
pytest.importorskip("sklearn")

from flwr.app import Context, RecordDict

from .local_grid import LocalGrid

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "flower_app"
CLIENTS = 20


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's modules, imported as Flower imports them: from the folder of the app."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    from flower_app import client_app, server_app, task  # noqa: PLC0415

    yield SimpleNamespace(client=client_app, server=server_app, task=task)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "flower_app":
            del sys.modules[name]


def run(app: Any, *, rounds: int, seed: int) -> tuple[LocalGrid, Any]:
    settings = tomllib.loads((FOLDER / "pyproject.toml").read_text())["tool"]["flwr"]["app"]["config"]
    grid = LocalGrid(app.client.app, CLIENTS, seed=seed)
    settings |= {"num-server-rounds": rounds, "seed": seed}
    app.server.app(grid, Context(1, 1, {}, RecordDict(), settings))
    return grid, settings


@pytest.mark.usefixtures("warm")
def test_the_example_takes_less_time_where_it_is_allocated(app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rounds = 4
    grid, settings = run(app, rounds=rounds, seed=1)
    configs = grid.configs()
    plain, chosen = configs[: rounds * CLIENTS // 2], configs[rounds * CLIENTS // 2 :]
    assert all("deadline-s" not in config for _, config in plain)

    labels = [app.task.portion(i, CLIENTS)[1] for i in range(CLIENTS)]
    offered = np.bincount(np.concatenate(labels), minlength=10)
    bits = 8.0 * sum(len(array.data) for array in app.server.ArrayRecord(app.task.new_model(1)).values())
    for number in range(1, rounds + 1):
        members = {i: config for i, config in chosen if config["server-round"] == number}
        covered = np.bincount(np.concatenate([labels[i] for i in members]), minlength=10)
        # Counts are integers: exact, but for the requirement's 1e-9 relative slack.
        assert (covered >= settings["share"] * offered * (1.0 - 1e-9)).all()
        assert sum(config["bandwidth-hz"] for config in members.values()) <= settings["bandwidth-hz"] * (1.0 + 1e-9)
        finish = [
            app.task.compute_s(i) + app.task.upload_s(bits, config["bandwidth-hz"], app.task.cn0_hz(i, number))
            for i, config in members.items()
        ]
        # What the clients measure is the plan, from the other end: the same closed form in other words, some ulp apart.
        assert math.isclose(max(finish), next(iter(members.values()))["deadline-s"], rel_tol=1e-9)

    printed = capsys.readouterr().out
    (times,) = re.findall(r"^mean round time +([\d.]+) s +([\d.]+) s$", printed, re.MULTILINE)
    assert float(times[1]) < float(times[0])


@pytest.mark.usefixtures("warm")
def test_the_example_learns_the_digits(app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(app, rounds=20, seed=1)
    printed = capsys.readouterr().out
    (accuracies,) = re.findall(r"^final accuracy +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    # Ten classes: 0.1 by chance. What the page says of the allocated run holds here, since it does not depend on the
    # ids that the nodes happen to have.
    assert min(map(float, accuracies)) > 0.9
    assert re.search(r"^mean round time +[\d.]+ s +0\.492 s$", printed, re.MULTILINE)
