"""Clients of Flower that fail, fall silent, report nonsense or vanish: they are skipped, and the rounds go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from fedss_opt.rounds import Fairness, LeftOut, RoundAllocator

pytest.importorskip("flwr")

from flwr.app import ConfigRecord, Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import strategy as strategies
from flwr.serverapp.strategy import FedAvg, FedXgbCyclic, Strategy

from fedss_opt.integrations.flower import allocated, from_table, linkstate, query

from .local_grid import BAND_HZ, SIZE, LocalGrid, cn0_hz, connected, regression, start_arrays

pytestmark = pytest.mark.usefixtures("warm")


def adaptive() -> Strategy:
    return strategies.DifferentialPrivacyServerSideAdaptiveClipping(FedAvg(), 0.1, 4)


def accounted() -> Strategy:
    accounting = pytest.importorskip("flwr.supercore.privacy_accounting")
    rdp = pytest.importorskip("flwr.supercore.privacy_accounting.rdp_accountant")
    pytest.importorskip("dp_accounting")  # flwr[dp]
    config = accounting.PrivacyConfig(
        target_delta=1e-5,
        population_size=4,
        neighboring_relation=accounting.NeighboringRelation.ADD_OR_REMOVE_ONE,
        sampling_method=accounting.SamplingMethod.NO_AMPLIFICATION,
    )
    return strategies.DifferentialPrivacyServerSideFixedClipping(
        FedAvg(), 1.0, 1.0, 4, accountant=rdp.RdpAccountant(config)
    )


class Noting(RoundAllocator):
    """An allocator that remembers what it is told."""

    arrivals: list[tuple[int, list[int]]]

    def finished(self, round: int, arrived: Iterable[Any]) -> None:  # noqa: A002
        names = sorted(arrived)
        self.arrivals = [*getattr(self, "arrivals", []), (round, names)]
        super().finished(round, names)


def test_clients_that_fail_when_asked_take_no_part() -> None:
    def sometimes(context: Context, server_round: int) -> dict[str, Any]:
        partition = int(context.node_config["partition-id"])
        if partition == 3:
            raise RuntimeError("no modem")
        faults = {4: {"cn0_hz": -1.0}, 5: {"cnO_hz": 1e6}, 6: {"spectral_efficiency": 2.0}, 7: {"cn0_hz": "much"}}
        return faults.get(partition, {"cn0_hz": cn0_hz(partition, server_round)})

    nodes = connected(sometimes)
    nodes.deaf = {(8, "query.linkstate")}
    result = allocated(FedAvg(), RoundAllocator(bandwidth_hz=BAND_HZ), query()).start(
        nodes, start_arrays(), num_rounds=2, timeout=1.0
    )
    for number, plan in result.plans.items():
        assert plan.clients == (0, 1, 2, 9)
        reasons = {nodes.partition[node]: why for node, why in result.skipped[number].items()}
        assert sorted(reasons) == [3, 4, 5, 6, 7, 8]
        assert "no modem" in reasons[3]
        assert "cn0_hz = -1.0" in reasons[4]
        assert "did you mean 'cn0_hz'" in reasons[5]
        assert "cn0_hz" in reasons[6]
        assert "much" in reasons[7]
        assert reasons[8] == "no answer in time"


def test_clients_that_fail_in_training_are_skipped_and_not_counted() -> None:
    def broken(context: Context, server_round: int) -> dict[str, float]:
        if context.node_config["partition-id"] == 1 and server_round == 1:
            raise MemoryError("too large")
        return {}

    app = regression(broken)
    linkstate(app, lambda context, server_round: {"cn0_hz": 1e7})
    nodes = LocalGrid(app, 4)
    nodes.deaf = {(2, "train")}
    allocator = Noting(bandwidth_hz=BAND_HZ, fairness=Fairness(min_share=0.5))
    result = allocated(FedAvg(), allocator, query()).start(nodes, start_arrays(), num_rounds=2, timeout=1.0)
    assert [plan.clients for plan in result.plans.values()] == [(0, 1, 2, 3)] * 2
    assert allocator.arrivals == [(1, [0, 3]), (2, [0, 1, 3])]
    reasons = [{nodes.partition[node]: why for node, why in one.items()} for one in result.skipped.values()]
    assert reasons == [{1: "training: error 2", 2: "training: no reply"}, {2: "training: no reply"}]


def test_who_vanishes_is_left_out_and_who_comes_back_is_in_again() -> None:
    nodes = connected(lambda context, server_round: {"cn0_hz": 1e7})
    absent = {1: set(), 2: {0, 1, 2}, 3: set(range(SIZE)), 4: {9}}
    made = allocated(FedAvg(fraction_evaluate=0.0), RoundAllocator(bandwidth_hz=BAND_HZ), query(), startup_s=0.0)
    arrays, expected = start_arrays(), {}
    for number, gone in absent.items():
        nodes.gone = gone
        before = len(nodes.sent)
        messages = list(made.configure_train(number, arrays, ConfigRecord({}), nodes))
        new, metrics = made.aggregate_train(number, nodes.send_and_receive(messages, timeout=1.0))
        expected[number] = sorted(set(range(SIZE)) - gone)
        assert nodes.trained(since=before) == expected[number]
        assert (new is None) == (metrics is None) == (not expected[number])
        arrays = new or arrays
    assert {number: list(plan.clients) for number, plan in made.plans.items()} == expected
    assert set(made.plans[2].left_out.values()) == {LeftOut.NOT_A_CANDIDATE}
    assert "no client can upload" in made.plans[3].message


def test_a_round_that_cannot_be_planned_trains_nobody() -> None:
    nodes = connected(lambda context, server_round: {"cn0_hz": 1e7, "max_upload_s": 1e-9 if server_round == 1 else 1e9})
    result = allocated(FedAvg(), RoundAllocator(bandwidth_hz=BAND_HZ, tasks="3abs"), query()).start(
        nodes, start_arrays(), num_rounds=2
    )
    assert [len(plan.clients) for plan in result.plans.values()] == [0, 3]
    assert list(result.train_metrics_clientapp) == [2]


def test_two_nodes_that_call_themselves_the_same_are_one_client() -> None:
    app = regression()
    linkstate(app, lambda context, server_round: {"cn0_hz": 1e7}, client_id=lambda context: "ann")
    nodes = LocalGrid(app, 3)
    result = allocated(FedAvg(), RoundAllocator(bandwidth_hz=BAND_HZ), query()).start(
        nodes, start_arrays(), num_rounds=1
    )
    assert result.plans[1].clients == ("ann",)
    assert nodes.trained() == [0]
    assert set(result.skipped[1].values()) == {"client 'ann' is another node already"}


def test_a_bad_report_is_not_made_good_by_an_earlier_one() -> None:
    """Reports hold for a round more, but not for a client whose new one is refused."""
    nodes = connected(
        lambda context, server_round: {
            "cn0_hz": -1.0 if (context.node_config["partition-id"], server_round) == (1, 2) else 1e7
        }
    )
    result = allocated(FedAvg(), RoundAllocator(bandwidth_hz=BAND_HZ, max_age=None), query()).start(
        nodes, start_arrays(), num_rounds=3
    )
    assert [1 in plan.clients for plan in result.plans.values()] == [True, False, True]
    assert result.plans[2].left_out == {1: LeftOut.NOT_A_CANDIDATE}


@pytest.mark.parametrize(
    "make",
    [
        FedAvg,
        adaptive,
        lambda: strategies.DifferentialPrivacyClientSideAdaptiveClipping(FedAvg(), 0.1, 4),
        accounted,
        strategies.FedAdam,
        lambda: strategies.QFedAvg(client_learning_rate=0.1),
        lambda: strategies.Krum(num_malicious_nodes=1),
    ],
    ids=["fedavg", "adaptive", "adaptive in the client", "accounted", "adam", "qfedavg", "krum"],
)
def test_a_round_without_clients_ends_no_run(make: Any) -> None:
    """No strategy is asked to aggregate what it did not configure."""
    made = allocated(
        make(), RoundAllocator(bandwidth_hz=BAND_HZ, max_age=0), from_table(lambda client, round_: None), startup_s=0.0
    )
    result = made.start(LocalGrid(regression(), 4), start_arrays(), num_rounds=2)
    assert [len(plan.clients) for plan in result.plans.values()] == [0, 0]
    assert not result.train_metrics_clientapp


@pytest.mark.parametrize("make", [adaptive, accounted, FedAvg])
def test_a_round_in_which_all_are_silent_ends_no_run(make: Any) -> None:
    nodes = LocalGrid(regression(), 4)
    nodes.deaf = {(i, "train") for i in range(4)}
    source = from_table(lambda client, server_round: {"cn0_hz": 1e7})
    result = allocated(make(), RoundAllocator(bandwidth_hz=BAND_HZ), source).start(
        nodes, start_arrays(), num_rounds=2, timeout=1.0
    )
    assert [len(plan.clients) for plan in result.plans.values()] == [4, 4]
    assert result.skipped[2] == dict.fromkeys(nodes.nodes, "training: no reply")
    assert not result.train_metrics_clientapp


def test_a_division_by_zero_that_is_the_strategys_own_is_not_hidden() -> None:
    class Broken(FedAvg):
        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            raise ZeroDivisionError

    made = allocated(Broken(), RoundAllocator(bandwidth_hz=BAND_HZ), query())
    nodes = connected(lambda context, server_round: {"cn0_hz": 1e7})
    with pytest.raises(ZeroDivisionError):
        made.start(nodes, start_arrays(), num_rounds=1)


def test_nodes_that_were_not_asked_are_not_accused() -> None:
    """A strategy that trains one of the chosen clients, as Flower's cyclic boosting does."""

    class Cyclic(FedXgbCyclic):
        aggregate_train = FedAvg.aggregate_train  # its own wants trees

    nodes = connected(lambda context, server_round: {"cn0_hz": 1e7})
    result = allocated(Cyclic(), RoundAllocator(bandwidth_hz=BAND_HZ), query()).start(
        nodes, start_arrays(), num_rounds=1
    )
    assert len(result.plans[1].clients) == SIZE
    assert len(nodes.trained()) == 1
    assert result.skipped == {1: {}}


def test_mods_of_the_app_do_not_stand_before_the_link() -> None:
    """A mod for training reads arrays, which the question for a link does not have."""
    seen: list[str] = []

    def mod(message: Message, context: Context, call_next: Any) -> Message:
        seen.append(message.metadata.message_type)
        message.content.array_records["arrays"]
        return call_next(message, context)

    app = ClientApp(mods=[mod])
    inner = regression()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return inner(message, context)

    linkstate(app, lambda context, server_round: {"cn0_hz": 1e7})
    nodes = LocalGrid(app, 3)
    result = allocated(FedAvg(fraction_evaluate=0.0), RoundAllocator(bandwidth_hz=BAND_HZ), query()).start(
        nodes, start_arrays(), num_rounds=1
    )
    assert result.skipped == {1: {}}
    assert nodes.trained() == [0, 1, 2]
    assert seen == ["train"] * 3
