"""The mixin inside a workflow that calls what NVFlare's FedAvg calls."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fedss_opt as fo
from fedss_opt.integrations.nvflare import (
    LINK_KEY,
    PLANS_FILE,
    AllocatedMixin,
    Grant,
    grant_of,
)
from fedss_opt.integrations.nvflare_meta import PLAN_KEY

from .flare_workflow import (
    LINKS,
    Allocated,
    Answer,
    FakeFedAvg,
    FLModel,
    Listening,
    expected,
    put_fl_model,
    silent,
    started,
    trains,
)

# -- a round -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("warm")
def test_the_allocator_chooses_and_every_client_reads_what_is_granted_to_it(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.run(range(1))
    plan = expected(LINKS)
    assert [name for _, name, _ in flow.sent] == list(plan.clients)
    assert len(plan.clients) == 2
    for _, name, model in flow.sent:
        assert grant_of(model, name) == Grant(
            round=0,
            bandwidth_hz=plan.bandwidth_hz[name],
            finish_s=plan.finish_s[name],
            deadline_s=plan.deadline_s,
        )
        assert grant_of(model, "site-4") is None
    assert flow.model.params == {"w": 1.0}
    assert flow.allocator is None
    assert flow.plan is flow.plans[0]
    json.dumps(flow.sent[0][2].meta)  # NVFlare serialises it: plain numbers and strings only


@pytest.mark.usefixtures("warm")
def test_plans_are_logged_and_kept_out_of_the_global_model(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.run(range(5, 8))
    lines = [json.loads(line) for line in (tmp_path / PLANS_FILE).read_text().splitlines()]
    assert lines == [plan.to_dict() for plan in flow.plans]
    assert [line["round"] for line in lines] == [5, 6, 7]
    assert sum("clients upload" in line for line in flow.log) == 3
    assert PLAN_KEY not in flow.model.meta


@pytest.mark.usefixtures("warm")
def test_who_is_silent_has_not_arrived(tmp_path: Path) -> None:
    allocator = Listening(bandwidth_hz=1e6)
    flow = started(tmp_path, {**dict.fromkeys(LINKS, trains), "site-2": silent}, allocator=allocator)
    flow.run(range(2))
    assert allocator.arrivals == {round_: ["site-1", "site-3", "site-4"] for round_ in (0, 1)}
    assert flow.model.params == {"w": 2.0}


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("answer", [silent, lambda model: FLModel(params={})])
def test_a_round_without_results_leaves_the_model_as_it_was(tmp_path: Path, answer: Answer) -> None:
    allocator = Listening(bandwidth_hz=1e6)
    flow = started(tmp_path, allocator=allocator)
    flow.run(range(1))
    flow.clients = dict.fromkeys(LINKS, answer)
    flow.run(range(1, 2))
    assert flow.model.params == {"w": 1.0}
    assert allocator.arrivals[1] == []
    assert any("the model stays" in line for line in flow.log)


@pytest.mark.usefixtures("warm")
def test_nobody_who_can_upload_is_not_everybody(tmp_path: Path) -> None:
    flow = started(tmp_path, table={name: {**state, "max_upload_s": 1e-9} for name, state in LINKS.items()})
    flow.run(range(1))
    assert flow.sent == []
    assert flow.model.params == {"w": 0.0}
    assert any("nobody can upload" in line for line in flow.log)
    flow.table = {name: {**state, "max_upload_s": 100.0} for name, state in LINKS.items()}
    flow.run(range(1, 2))
    assert [name for _, name, _ in flow.sent] == list(expected(LINKS).clients)
    assert flow.model.params == {"w": 1.0}


# -- where the links come from -----------------------------------------------------------------------------------


def reports(state: Any) -> Answer:
    def answer(model: FLModel) -> FLModel:
        return FLModel(params={"w": model.params["w"] + 1.0}, meta={LINK_KEY: state})

    return answer


@pytest.mark.usefixtures("warm")
def test_at_first_everybody_then_those_whom_the_reports_make_the_best(tmp_path: Path) -> None:
    flow = started(tmp_path, {name: reports(state) for name, state in LINKS.items()}, table={})
    flow.run(range(2))
    first = [name for round_, name, _ in flow.sent if round_ == 0]
    assert first == list(LINKS)  # not the three that FedAvg asks for: who does not take part reports nothing
    assert all(PLAN_KEY not in model.meta for round_, _, model in flow.sent if round_ == 0)
    assert flow.model.params == {"w": 2.0}
    assert [plan.round for plan in flow.plans] == [1]
    assert [name for round_, name, _ in flow.sent if round_ == 1] == list(expected(LINKS).clients)


@pytest.mark.usefixtures("warm")
def test_what_the_server_knows_goes_over_what_the_client_says(tmp_path: Path) -> None:
    flow = started(tmp_path, {name: reports(state) for name, state in LINKS.items()}, table={})
    flow.run(range(1))
    flow.table = {"site-4": {"cn0_hz": 9e7}}
    flow.run(range(1, 2))
    assert flow.plans[0].clients == expected({**LINKS, "site-4": {**LINKS["site-4"], "cn0_hz": 9e7}}).clients
    assert "site-4" in flow.plans[0].clients


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"cn0_hz": -1.0}, "cn0_hz"),
        ({"cno_hz": 1e6}, "cn0_hz"),
        ({"round": 7}, "round"),
        ({"cn0_hz": {"a": 1}}, "cn0_hz"),
        ("fast", "fast"),
        (None, "None"),
    ],
)
def test_a_bad_report_costs_its_client_the_round_and_nobody_else(tmp_path: Path, state: Any, complaint: str) -> None:
    clients = {**{name: reports(link) for name, link in LINKS.items()}, "site-1": reports(state)}
    flow = started(tmp_path, clients, table={})
    flow.run(range(2))
    others = {name: link for name, link in LINKS.items() if name != "site-1"}
    assert flow.plans[0].clients == expected(others).clients
    (warning,) = [line for line in flow.log if "site-1 is left out" in line]
    assert complaint in warning


@pytest.mark.usefixtures("warm")
def test_who_departs_is_no_candidate(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.run(range(1))
    best = flow.plans[0].clients[0]
    del flow.clients[best]
    flow.run(range(1, 2))
    assert flow.plans[1].left_out[best] == "not_a_candidate"


@pytest.mark.usefixtures("warm")
def test_a_late_result_tells_of_the_link_only(tmp_path: Path) -> None:
    allocator = Listening(bandwidth_hz=1e6)
    kept: list[Callable[[FLModel], Any]] = []

    class Slow(Allocated):
        def accept(self, result: FLModel) -> bool:
            return True

    flow = Slow(dict.fromkeys(LINKS, silent), tmp_path)
    flow.allocator = allocator
    send = FakeFedAvg.send_model

    def keeping(self: FakeFedAvg, *args: Any) -> None:
        kept.append(args[-1])
        send(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeFedAvg, "send_model", keeping)
        flow.start_controller(None)
        flow.run(range(2))
    late = FLModel(params={"w": 1.0}, meta={"client_name": "site-1", LINK_KEY: {"compute_s": 9.0}})
    assert kept[0](late) is True
    assert allocator.arrivals == {0: [], 1: []}
    flow.table = {}
    flow.run(range(2, 3))
    assert flow.plans[2].finish_s["site-1"] > 9.0


# -- asking the clients ------------------------------------------------------------------------------------------


def test_answers_are_those_that_come_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_fl_model(monkeypatch)
    asked: list[FLModel] = []

    def tells(model: FLModel) -> FLModel:
        asked.append(model)
        return FLModel(metrics={"cn0_hz": 1e6})

    flow = started(tmp_path, {"a": tells, "b": silent, "c": tells})
    flow.current_round = 3
    assert flow.ask_links(["a", "b"], timeout_s=1.2) == {"a": {"cn0_hz": 1e6}}
    assert flow.timeouts == [2]
    assert [model.current_round for model in asked] == [3]
    assert flow.ask_links([]) == {}
    assert len(asked) == 1


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan"), float("inf"), "soon"])
def test_timeouts_are_times(tmp_path: Path, timeout_s: Any) -> None:
    with pytest.raises(fo.OptionError, match="timeout_s"):
        started(tmp_path).ask_links(["site-1"], timeout_s=timeout_s)


def test_without_nvflare_asking_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvflare", None)
    for name in [name for name in sys.modules if name.startswith("nvflare.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(fo.MissingDependencyError, match=r"fedss-opt\[nvflare\]"):
        started(tmp_path).ask_links(["site-1"])


def test_the_module_itself_does_not_need_nvflare() -> None:
    code = (
        "import sys, fedss_opt.integrations.nvflare; sys.exit(any(n.split('.')[0] == 'nvflare' for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- other workflows, other messages -----------------------------------------------------------------------------


@pytest.mark.usefixtures("warm")
def test_workflows_that_wait_for_their_results(tmp_path: Path) -> None:
    allocator = Listening(bandwidth_hz=1e6)
    clients = {**dict.fromkeys(LINKS, trains), "site-3": lambda model: FLModel(params={}), "site-4": silent}
    flow = started(tmp_path, clients, allocator=allocator)
    flow.current_round = 0
    results = flow.send_model_and_wait("train", flow.model, flow.sample_clients())
    assert sorted(result.meta["client_name"] for result in results) == ["site-1", "site-2", "site-3"]
    assert allocator.arrivals == {0: ["site-1", "site-2"]}
    assert all(grant_of(model, name) is not None for _, name, model in flow.sent)


@pytest.mark.usefixtures("warm")
def test_messages_to_others_than_the_chosen_are_left_alone(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.run(range(1))
    arrived = flow.allocator
    before = len(flow.sent)
    flow.send_model_and_wait("validate", flow.model, list(LINKS))
    flow.send_model("validate", flow.model, None, callback=flow.accept)
    later = flow.sent[before:]
    assert len(later) == 2 * len(LINKS)
    assert all(PLAN_KEY not in model.meta for _, _, model in later)
    assert flow.allocator is arrived


@pytest.mark.usefixtures("warm")
def test_a_workflow_that_sends_in_ways_of_its_own_updates_its_model(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.sample_clients()
    assert flow.update_model(flow.model, FLModel(params={"w": 5.0})).params == {"w": 5.0}


@pytest.mark.usefixtures("warm")
def test_an_allocator_that_was_loaded_goes_on_counting(tmp_path: Path) -> None:
    allocator = Listening(bandwidth_hz=1e6, tasks=0.5)
    for name, state in LINKS.items():
        allocator.update(name, **state)
    allocator.allocate(41)
    flow = started(tmp_path, allocator=allocator)
    flow.run(range(3))
    assert [plan.round for plan in flow.plans] == [42, 43, 44]


@pytest.mark.usefixtures("warm")
def test_a_round_that_is_sampled_twice_is_one_round(tmp_path: Path) -> None:
    flow = started(tmp_path)
    flow.current_round = 4
    assert flow.sample_clients() == flow.sample_clients(1)
    flow.current_round = 5
    flow.sample_clients()
    assert [plan.round for plan in flow.plans] == [4, 4, 5]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    flow = Allocated(dict.fromkeys(LINKS, trains), tmp_path)
    with pytest.raises(fo.OptionError, match="not started"):
        flow.sample_clients()
    assert flow.plan is None
    flow.allocator = 7  # type: ignore[assignment]
    with pytest.raises(fo.OptionError, match="RoundAllocator"):
        flow.start_controller(None)

    class Bare(AllocatedMixin, FakeFedAvg):  # type: ignore[misc]
        pass

    with pytest.raises(NotImplementedError, match=r"Bare\.make_allocator"):
        Bare(LINKS, tmp_path).start_controller(None)  # type: ignore[arg-type]
