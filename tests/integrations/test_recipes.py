"""`Selector`, and the recipes of docs/how-to/other-frameworks.md: the page's very text, against the frameworks' calls.

The stand-ins below call a recipe as the framework does: same names, same arguments, same order. They were written from
pfl 0.6.0, FLGo (WwZzz/easyFL at 015642b), FedScale (c1a25ac) and APPFL (01602f2). pfl itself takes part where it is
installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.integrations.select import Selector, checked_fields
from fedss_opt.rounds import RoundAllocator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "other-frameworks.md"
EVERYBODY = range(10)

Measured = Callable[[int, int], dict[str, float]]


def measured(client: int, round_: int) -> dict[str, float]:
    """Return links that make other clients the best in every round."""
    draw = np.random.default_rng((client, round_))
    return {"cn0_hz": float(draw.uniform(1e6, 2e7)), "payload_bits": 4e5}


def out_of_reach(client: int, round_: int) -> dict[str, float]:
    """Return links on which nobody can upload in time in the second round."""
    return {**measured(client, round_), "max_upload_s": 1e-9 if round_ == 2 else 1e3}


def never(client: int, round_: int) -> dict[str, float]:
    """Return links on which nobody can ever upload in time."""
    return {**measured(client, round_), "max_upload_s": 1e-9}


def recipe(name: str, links: Measured = measured, **given: Any) -> dict[str, Any]:
    """Run a recipe's block, and return its names."""
    (block,) = re.findall(rf"^```python no-run {name}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names = {"measured": links, **given}
    exec(compile(block, f"{PAGE.name}, {name}", "exec"), names)
    return names


def expected(rounds: range, clients: Mapping[Any, int] | None = None) -> list[Any]:
    """Return the plans that an allocator makes without any framework."""
    allocator = RoundAllocator(bandwidth_hz=2e6, tasks=0.4)
    plans = []
    for round_ in rounds:
        for client, number in (clients or {number: number for number in EVERYBODY}).items():
            allocator.update(client, **measured(number, round_))
        plans.append(allocator.allocate(round_))
    # With rounds that all choose the same, a recipe that never moves on would pass.
    assert len({plan.clients for plan in plans}) == len(plans)
    return plans


def module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> None:
    """Put a module, and the packages above it, where an import finds them."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        made = ModuleType(".".join(parts[:end]))
        if end == len(parts):
            vars(made).update(contents)
        monkeypatch.setitem(sys.modules, made.__name__, made)


# -- Selector ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("warm")
def test_the_answer_is_the_plan() -> None:
    select = Selector(RoundAllocator(bandwidth_hz=2e6, tasks=0.4))
    assert select.plan is None
    for round_, plan in zip(range(3), expected(range(3)), strict=True):
        assert select({client: measured(client, round_) for client in EVERYBODY}, round_) == list(plan.clients)
        assert select.plan is not None
        assert select.plan.to_dict() == plan.to_dict()
        assert select.refused == {}


@pytest.mark.usefixtures("warm")
def test_who_is_not_named_is_not_chosen_and_nothing_new_is_not_news() -> None:
    select = Selector(RoundAllocator(bandwidth_hz=2e6, max_age=1))
    assert select({client: measured(client, 0) for client in (1, 2, 3)}, 0) == [1, 2, 3]
    assert select({1: {}, 2: {}}, 1) == [1, 2]
    assert select({1: {}, 2: measured(2, 2)}, 2) == [2]
    assert select.plan is not None
    assert select.plan.left_out == {1: "stale", 3: "not_a_candidate"}


@pytest.mark.usefixtures("warm")
def test_a_bad_report_raises_or_leaves_its_client_out() -> None:
    bad = {1: measured(1, 0), 2: {"cn0_hz": -1.0}, 3: {"cnO_hz": 1e6}, 4: 7}
    with pytest.raises(fo.ProblemError, match="client 2: cn0_hz"):
        Selector(RoundAllocator(bandwidth_hz=2e6))(bad, 0)  # type: ignore[arg-type]
    select = Selector(RoundAllocator(bandwidth_hz=2e6), strict=False)
    assert select(bad, 0) == [1]  # type: ignore[arg-type]
    assert sorted(select.refused) == [2, 3, 4]
    assert "cn0_hz" in select.refused[3]
    assert select({1: measured(1, 1), 2: measured(2, 1)}, 1) == [1, 2]
    assert select.refused == {}


@pytest.mark.usefixtures("warm")
def test_an_earlier_report_does_not_stand_in_for_a_bad_one() -> None:
    select = Selector(RoundAllocator(bandwidth_hz=2e6), strict=False)
    assert select({1: measured(1, 0), 2: measured(2, 0)}, 0) == [1, 2]
    assert select({1: measured(1, 1), 2: {"cn0_hz": 0.0}}, 1) == [1]


@pytest.mark.usefixtures("warm")
def test_a_report_is_for_the_round_that_is_asked_about() -> None:
    select = Selector(RoundAllocator(bandwidth_hz=2e6, max_age=0))
    assert select({1: measured(1, 5)}, 5) == [1]
    assert select({1: measured(1, 5)}, 5) == [1]  # the same round once more, not the next one
    assert select({1: {}}, 6) == []


def test_arguments_are_checked() -> None:
    with pytest.raises(fo.OptionError, match="allocator: a str"):
        Selector("allocator")  # type: ignore[arg-type]
    with pytest.raises(fo.OptionError, match="infos: a list"):
        Selector(RoundAllocator(bandwidth_hz=2e6))([1, 2], 0)  # type: ignore[arg-type]
    with pytest.raises(fo.OptionError, match="round"):
        checked_fields({"round": 1})


# -- pfl ---------------------------------------------------------------------------------------------------------


class HyperParam:
    """pfl's, for where pfl is not."""


def cohorts(cohort: Any, iterations: int) -> list[list[int]]:
    """Call what pfl calls, see `FederatedNNAlgorithm.get_next_central_contexts` and `FederatedDataset.get_cohort`."""
    found = []
    for _ in range(iterations):
        size, again = cohort.value(), cohort.value()  # for the context, and for the clone of the parameters
        assert size == again
        found.append([cohort() for _ in range(size)])
    return found


@pytest.mark.usefixtures("warm")
def test_pfl_gets_as_many_users_as_the_plan_has(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "pfl.hyperparam.base", HyperParam=HyperParam)
    plans = expected(range(1, 5))
    assert cohorts(recipe("pfl")["cohort"], 4) == [list(plan.clients) for plan in plans]


@pytest.mark.usefixtures("warm")
def test_pfl_is_told_of_an_empty_round(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "pfl.hyperparam.base", HyperParam=HyperParam)
    cohort = recipe("pfl", out_of_reach)["cohort"]
    cohorts(cohort, 1)
    with pytest.raises(RuntimeError, match=r"round 2: .*no client can upload"):
        cohort.value()


@pytest.mark.usefixtures("warm")
def test_pfl_itself() -> None:
    pytest.importorskip("pfl")
    from pfl.algorithm.base import NNAlgorithmParams  # noqa: PLC0415
    from pfl.data.federated_dataset import FederatedDataset  # noqa: PLC0415
    from pfl.hyperparam.base import get_param_value  # noqa: PLC0415

    cohort = recipe("pfl")["cohort"]
    data = FederatedDataset.from_slices({user: [np.zeros(1)] for user in EVERYBODY}, cohort)
    params = NNAlgorithmParams(
        central_num_iterations=4, evaluation_frequency=1, train_cohort_size=cohort, val_cohort_size=None
    )
    for plan in expected(range(1, 5)):
        size = get_param_value(params.train_cohort_size)
        assert params.static_clone().train_cohort_size == size
        assert [user.user_id for user, _ in data.get_cohort(size)] == list(plan.clients)


# -- FLGo --------------------------------------------------------------------------------------------------------


class BasicServer:
    """FLGo's server, as far as a round goes."""

    def __init__(self) -> None:
        self.current_round, self.model = 1, "model"
        self.available_clients = list(EVERYBODY)
        self.packages: list[dict[int, Any]] = []
        self.initialize()

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        pass

    def sample(self) -> list[int]:
        raise NotImplementedError

    def pack(self, client_id: int, mtype: int = 0, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"model": self.model}

    def iterate(self) -> None:
        self.packages.append({client: self.pack(client, 0) for client in set(self.sample())})
        self.current_round += bool(self.packages[-1])


@pytest.mark.usefixtures("warm")
def test_flgo_samples_and_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "flgo.algorithm.fedbase", BasicServer=BasicServer)
    server = recipe("flgo")["Server"]()
    for plan in expected(range(1, 4)):
        server.iterate()
        assert server.packages[-1] == {
            client: {"model": "model", "bandwidth_hz": plan.bandwidth_hz[client], "deadline_s": plan.deadline_s}
            for client in plan.clients
        }


@pytest.mark.usefixtures("warm")
def test_flgo_goes_on_after_an_empty_round(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "flgo.algorithm.fedbase", BasicServer=BasicServer)
    server = recipe("flgo", out_of_reach)["Server"]()
    for _ in range(4):
        server.iterate()
    assert [bool(packages) for packages in server.packages] == [True, False, True, True]
    assert server.current_round == 4


@pytest.mark.usefixtures("warm")
def test_flgo_is_told_when_nobody_can_ever_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "flgo.algorithm.fedbase", BasicServer=BasicServer)
    server = recipe("flgo", never)["Server"]()
    for _ in range(9):
        server.iterate()
    with pytest.raises(RuntimeError, match=r"10 empty rounds: no client can upload"):
        server.iterate()


class FlgoClient:
    """A client as FLGo's server sees it."""

    def __init__(self, number: int) -> None:
        self.id = number

    def is_idle(self) -> bool:
        return True


def flgo_server(links: Measured) -> Any:
    """Return FLGo's own server without a task: its rounds, sampling, messages and counters are what is tried."""
    fedbase = pytest.importorskip("flgo.algorithm.fedbase")
    server = recipe("flgo", links)["Server"].__new__(recipe("flgo", links)["Server"])
    assert isinstance(server, fedbase.BasicServer)
    clock = pytest.importorskip("flgo.simulator.base").ElemClock()
    logger = SimpleNamespace(
        **dict.fromkeys(("time_start", "time_end", "info", "log_once", "save_output_as_json"), print)
    )
    logger.check_if_log, logger.early_stop = (lambda *_: False), (lambda: False)
    simulator = SimpleNamespace(
        idx2id=list,
        update_client_completeness=print,
        set_client_state=print,
        get_variable=lambda ids, _: [0] * len(ids),
    )
    server.gv = SimpleNamespace(logger=logger, clock=clock, simulator=simulator)
    server.clients = [FlgoClient(number) for number in EVERYBODY]
    server.num_clients, server.num_parallels, server.num_rounds = len(server.clients), 1, 3
    server.current_round, server.eval_interval, server.model = 1, 0, 0
    server.option, server.lr_scheduler_type, server.tolerance_for_latency = {"no_tqdm": True}, "-1", 1
    server.sent = []

    def reply(target: int, package: dict[str, Any]) -> dict[str, Any]:
        server.sent.append((server.current_round, target, package))
        return {"model": package["model"] + 1}

    server.communicate_with = reply
    server.aggregate = lambda models: max(models, default=server.model)
    server._load_checkpoint = server._save_checkpoint = lambda: False
    server.initialize()
    return server


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_flgo_itself() -> None:
    server = flgo_server(out_of_reach)
    server.run()
    plans = [plan for number, plan in enumerate(expected(range(1, 5))) if number != 1]
    rounds = [{target: package for round_, target, package in server.sent if round_ == number} for number in (1, 2, 3)]
    assert [sorted(one) for one in rounds] == [list(plan.clients) for plan in plans]
    for one, plan in zip(rounds, plans, strict=True):
        assert {client: package["bandwidth_hz"] for client, package in one.items()} == plan.bandwidth_hz
    assert server.model == 3


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_flgo_itself_ends_where_nobody_can_upload() -> None:
    with pytest.raises(RuntimeError, match="10 empty rounds"):
        flgo_server(never).run()


# -- FedScale ----------------------------------------------------------------------------------------------------


class ClientManager:
    """FedScale's, as far as selection goes."""

    def __init__(self, mode: str, args: Any, sample_seed: int = 233) -> None:
        self.mode, self.args, self.count = mode, args, 0

    def getFeasibleClients(self, cur_time: float) -> list[int]:  # noqa: N802
        return list(EVERYBODY)


class Aggregator:
    """FedScale's, as far as selection goes."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.client_manager = self.init_client_manager(args=args)
        self.global_virtual_clock = 0.0

    def init_client_manager(self, args: Any) -> Any:
        raise NotImplementedError

    def round_completion_handler(self) -> list[int]:
        wanted = int(self.args.num_participants * self.args.overcommitment)
        sampled = sorted(self.client_manager.select_participants(wanted, cur_time=self.global_virtual_clock))
        return sampled[: self.args.num_participants]  # tictak_client_tasks drops the others as stragglers


def fedscale(monkeypatch: pytest.MonkeyPatch, links: Measured = measured) -> Any:
    module(monkeypatch, "fedscale.cloud.aggregation.aggregator", Aggregator=Aggregator)
    manager = ModuleType("fedscale.cloud.client_manager")
    manager.ClientManager = ClientManager  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, manager.__name__, manager)
    args = SimpleNamespace(sample_mode="random", num_participants=2, overcommitment=1.3)
    return recipe("fedscale", links)["AllocatedAggregator"](args)


@pytest.mark.usefixtures("warm")
def test_fedscale_runs_all_that_the_plan_selects(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregator = fedscale(monkeypatch)
    assert [aggregator.round_completion_handler() for _ in range(4)] == [
        list(plan.clients) for plan in expected(range(1, 5))
    ]


@pytest.mark.usefixtures("warm")
def test_fedscale_is_told_of_an_empty_round(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregator = fedscale(monkeypatch, out_of_reach)
    aggregator.round_completion_handler()
    with pytest.raises(RuntimeError, match=r"round 2: .*no client can upload"):
        aggregator.round_completion_handler()


# -- APPFL -------------------------------------------------------------------------------------------------------


class Agent:
    """APPFL's client agent: its model is the number of its trainings."""

    def __init__(self, name: str, results: dict[str, Any] | None = None) -> None:
        self.name, self.model, self.trained, self.results = name, 0, 0, results

    def get_id(self) -> str:
        return self.name

    def train(self) -> None:
        self.model += 1
        self.trained += 1

    def get_parameters(self) -> int | tuple[int, dict[str, Any]]:
        return (self.model, self.results) if self.results else self.model

    def load_parameters(self, model: int) -> None:
        self.model = model


class ServerAgent:
    """APPFL's server agent with its synchronous scheduler: answers when `num_clients` models are there."""

    def __init__(self, epochs: int) -> None:
        self.scheduler = SimpleNamespace(num_clients=len(EVERYBODY))
        self.epochs = epochs
        self.waiting: dict[str, tuple[int, Future[int]]] = {}
        self.received: list[tuple[str, ...]] = []
        self.metadata: list[dict[str, Any]] = []

    def training_finished(self) -> bool:
        return len(self.received) >= self.epochs

    def global_update(self, client_id: str, local_model: int, blocking: bool = False, **metadata: Any) -> Future[int]:
        assert not blocking
        assert isinstance(local_model, int)
        self.metadata.append(metadata)
        future: Future[int] = Future()
        self.waiting[client_id] = local_model, future
        if len(self.waiting) == self.scheduler.num_clients:
            for _, waiting in self.waiting.values():
                waiting.set_result(max(model for model, _ in self.waiting.values()))
            self.received.append(tuple(self.waiting))
            self.waiting = {}
        return future


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("links", [measured, out_of_reach])
@pytest.mark.parametrize("results", [None, {"val_loss": 0.5}], ids=["model", "model and results"])
def test_appfl_trains_those_and_waits_for_those(links: Measured, results: dict[str, Any] | None) -> None:
    agents = [Agent(f"Client{number}", results) for number in EVERYBODY]
    server = ServerAgent(epochs=3)
    recipe("appfl", links, client_agents=agents, server_agent=server)
    rounds = range(1, 5) if links is out_of_reach else range(1, 4)  # its second round is empty
    plans = expected(rounds, {f"Client{number}": number for number in EVERYBODY})
    if links is out_of_reach:
        del plans[1]
    assert server.received == [plan.clients for plan in plans]
    assert [agent.model for agent in agents] == [3] * len(EVERYBODY)
    assert sum(agent.trained for agent in agents) == sum(len(plan.clients) for plan in plans)
    assert all(metadata == (results or {}) for metadata in server.metadata)


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_appfl_itself() -> None:
    """APPFL's own scheduler and aggregator; a trainer with validation, which returns its results beside the model."""
    scheduler = pytest.importorskip("appfl.algorithm.scheduler")
    aggregator = pytest.importorskip("appfl.algorithm.aggregator")
    config = pytest.importorskip("omegaconf").OmegaConf.create({"num_clients": len(EVERYBODY)})
    torch = pytest.importorskip("torch")
    averaging = aggregator.FedAvgAggregator(
        torch.nn.Linear(1, 1), pytest.importorskip("omegaconf").OmegaConf.create({"client_weights_mode": "equal"})
    )
    sync = scheduler.SyncScheduler(config, averaging, None)

    class Server:
        """As `ServerAgent.global_update` does it."""

        def __init__(self) -> None:
            self.scheduler = sync

        def training_finished(self) -> bool:
            return bool(sync.get_num_global_epochs() >= 3)

        def global_update(self, client_id: str, local_model: Any, blocking: bool, **metadata: Any) -> Any:
            return sync.schedule(client_id, local_model, **metadata)

    class Trained(Agent):
        def get_parameters(self) -> Any:
            return {"weight": torch.full((1, 1), float(self.trained)), "bias": torch.zeros(1)}, {"val_loss": 0.5}

        def load_parameters(self, model: Any) -> None:
            assert set(model) == {"weight", "bias"}

    agents = [Trained(f"Client{number}") for number in EVERYBODY]
    recipe("appfl", client_agents=agents, server_agent=Server())
    plans = expected(range(1, 4), {f"Client{number}": number for number in EVERYBODY})
    assert sum(agent.trained for agent in agents) == sum(len(plan.clients) for plan in plans)


@pytest.mark.usefixtures("warm")
def test_appfl_is_told_when_nobody_can_ever_upload() -> None:
    agents = [Agent(f"Client{number}") for number in EVERYBODY]
    with pytest.raises(RuntimeError, match=r"10 empty rounds: no client can upload"):
        recipe("appfl", never, client_agents=agents, server_agent=ServerAgent(epochs=3))
