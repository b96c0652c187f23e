"""The mixin as docs/how-to/nvflare.md shows it, against NVFlare's own signatures, and (slow) inside its simulator."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fedss_opt.integrations.nvflare import LINK_TASK, PLANS_FILE, AllocatedMixin
from fedss_opt.rounds import RoundAllocator

from .flare_workflow import (
    LINKS,
    Answer,
    FakeFedAvg,
    FLModel,
    expected,
    put_fl_model,
)

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "nvflare_app"

# -- docs/how-to/nvflare.md ------------------------------------------------------------------------------------------


def block(name: str) -> str:
    text = (ROOT / "docs" / "how-to" / "nvflare.md").read_text()
    (found,) = re.findall(rf"^```python no-run {name}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.usefixtures("warm")
def test_the_two_sides_of_the_page_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_fl_model(monkeypatch)
    workflow = ModuleType("nvflare.app_common.workflows.fedavg")
    workflow.FedAvg = FakeFedAvg  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvflare.app_common.workflows", ModuleType("nvflare.app_common.workflows"))
    monkeypatch.setitem(sys.modules, workflow.__name__, workflow)
    names: dict[str, Any] = {"__name__": "page"}
    exec(block("server"), names)

    def script(site: str) -> Answer:
        """Return a client that runs the page's script for one task."""

        def answer(received: FLModel) -> FLModel:
            running = iter((True, False))
            sent: list[FLModel] = []
            flare = ModuleType("nvflare.client")
            flare.init, flare.send, flare.FLModel = lambda: None, sent.append, FLModel  # type: ignore[attr-defined]
            flare.is_running = lambda: next(running)  # type: ignore[attr-defined]
            flare.receive = lambda: received  # type: ignore[attr-defined]
            flare.get_site_name = lambda: site  # type: ignore[attr-defined]
            asked = received.params is None
            flare.get_task_name = lambda: LINK_TASK if asked else "train"  # type: ignore[attr-defined]
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(sys.modules, "nvflare.client", flare)
                patch.setattr(sys.modules["nvflare"], "client", flare, raising=False)
                exec(block("client"), {})
            (model,) = sent
            return model

        return answer

    flow = names["AllocatedFedAvg"]({name: script(name) for name in LINKS}, tmp_path)
    flow.start_controller(None)
    flow.run(range(2))
    printed = capsys.readouterr().out
    assert flow.plan.round == 1
    assert len(flow.plan.clients) == 2
    for name in flow.plan.clients:
        assert f"{flow.plan.bandwidth_hz[name]:.0f} Hz, done by {flow.plan.finish_s[name]:.3f} s" in printed


# -- NVFlare itself ----------------------------------------------------------------------------------------------


def test_nvflare_still_has_the_methods_that_are_overridden() -> None:
    workflow = pytest.importorskip("nvflare.app_common.workflows.fedavg").FedAvg
    for name in ("start_controller", "sample_clients", "send_model", "send_model_and_wait", "update_model"):
        ours = inspect.signature(getattr(AllocatedMixin, name)).parameters
        theirs = inspect.signature(getattr(workflow, name)).parameters
        fake = inspect.signature(getattr(FakeFedAvg, name)).parameters
        assert list(ours) == list(theirs) == list(fake), name
        assert [p.default for p in ours.values()] == [p.default for p in theirs.values()], name


def simulated(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,  # minutes longer than it takes: what hangs shall not hang for ever
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def plans_of(workspace: Path) -> list[dict[str, Any]]:
    (file,) = workspace.rglob(PLANS_FILE)
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_the_example_chooses_what_the_allocator_alone_chooses(tmp_path: Path) -> None:
    pytest.importorskip("nvflare")
    specification = importlib.util.spec_from_file_location("nvflare_app_client", APP / "client.py")
    assert specification is not None
    assert specification.loader is not None
    client = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(client)
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks=0.5)
    alone = []
    for round_ in range(3):
        for number in range(1, 5):
            allocator.update(f"site-{number}", **client.measured_link(number, round_))
        alone.append(allocator.allocate(round_).to_dict())
    workspace = tmp_path / "workspace"
    output = simulated(
        [str(APP / "job.py"), "--clients", "4", "--rounds", "3", "--workspace", str(workspace)], tmp_path
    )
    assert plans_of(workspace) == alone
    assert f"round 2: {alone[2]['latency_s']:.3f} s" in output
    assert "kHz in round 2" in output  # a client has read its grant
    # Every client's steps contract towards 1, 2, 3, ... by the same law; three rounds of twenty steps are near it.
    model = np.load(next(workspace.rglob("server.npy")))
    assert np.abs(model - np.arange(1.0, 11.0)).max() < 0.2


# Clients report in their results; each adds its own bandwidth at its own place. In round 2 nobody can upload.
SERVER = """
from nvflare.app_common.np.np_model_persistor import NPModelPersistor
from nvflare.app_common.workflows.fedavg import FedAvg
from nvflare.client.config import ExchangeFormat
from nvflare.job_config.api import FedJob
from nvflare.job_config.script_runner import FrameworkType, ScriptRunner
from fedss_opt.integrations.nvflare import AllocatedMixin
from fedss_opt.rounds import RoundAllocator

class Reporting(AllocatedMixin, FedAvg):
    def make_allocator(self):
        return RoundAllocator(bandwidth_hz=1e6, tasks=0.6)

    def link_states(self, clients, round):
        return {name: {"max_upload_s": 1e-9} for name in clients} if round == 2 else {}

if __name__ == "__main__":
    job = FedJob(name="reporting", min_clients=3)
    job.to_server(NPModelPersistor(model=[0.0, 0.0, 0.0]), id="persistor")
    job.to_server(Reporting(num_rounds=3))
    runner = {"framework": FrameworkType.RAW, "server_expected_format": ExchangeFormat.RAW}
    job.to_clients(ScriptRunner(script="adding.py", **runner))
    raise SystemExit(job.simulator_run("workspace", n_clients=3, log_config="concise"))
"""
CLIENT = """
import numpy as np
import nvflare.client as flare
from fedss_opt.integrations.nvflare import LINK_KEY, grant_of

flare.init()
name = flare.get_site_name()
number = int(name[-1])
while flare.is_running():
    received = flare.receive()
    weights = np.array(received.params["numpy_key"], dtype=np.float64)
    grant = grant_of(received, name)
    weights[number - 1] += 3.0 if grant is None else grant.bandwidth_hz / 1e6
    link = {"cn0_hz": number * 1e6, "payload_bits": 1e6}
    flare.send(flare.FLModel(params={"numpy_key": weights}, meta={LINK_KEY: link}))
"""


@pytest.mark.slow
def test_reports_and_grants_travel_in_the_meta_of_models(tmp_path: Path) -> None:
    pytest.importorskip("nvflare")
    (tmp_path / "reporting.py").write_text(SERVER)
    (tmp_path / "adding.py").write_text(CLIENT)
    simulated(["reporting.py"], tmp_path)
    plan = expected({f"site-{n}": {"cn0_hz": n * 1e6, "payload_bits": 1e6} for n in (1, 2, 3)}, tasks=0.6)
    assert plan.clients == ("site-2", "site-3")
    lines = plans_of(tmp_path / "workspace")
    assert [line["round"] for line in lines] == [1, 2]
    assert {one["id"]: one["bandwidth_hz"] for one in lines[0]["clients"]} == dict(plan.bandwidth_hz)
    assert lines[1]["clients"] == []
    # Round 0: everybody, without a plan, adds 3 and there are three; round 1: two, their own bandwidth each.
    added = [plan.bandwidth_hz.get(f"site-{n}", 0.0) / 1e6 / 2 for n in (1, 2, 3)]
    model = np.load(next((tmp_path / "workspace").rglob("server.npy")))
    assert model == pytest.approx(np.array([1.0, 1.0, 1.0]) + added, rel=1e-12)  # sums and means of doubles
