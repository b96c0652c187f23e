"""FedSS: what it reduces to, what it sends, and what its masks and relevance do in a federation."""

import itertools

import numpy as np
import pytest

from fedss_opt.simulation.algorithms import make_algorithm, message_bits
from fedss_opt.simulation.algorithms.base import Federation
from fedss_opt.simulation.data import DataSettings, make_federation
from fedss_opt.simulation.models import MultilayerPerceptron
from fedss_opt.simulation.training import TrainingSettings

SETTINGS = {"n_tasks": 2, "warmup_rounds": 2, "prune_every": 1, "density": 0.4}
EVERYBODY = np.arange(8)


@pytest.fixture(scope="module")
def federation():
    data = make_federation(DataSettings(n_clients=8, n_tasks=2, images_per_client=20), seed=0)
    return Federation(data, MultilayerPerceptron(data.features, (16,), data.classes), TrainingSettings(), 0)


def started(federation, name="fedss", **options):
    algorithm = make_algorithm(name, federation, options)
    algorithm.start()
    return algorithm


def play(algorithm, round_, clients=EVERYBODY, lost=()):
    clients = np.asarray(clients)
    downloads = algorithm.download(round_, clients)
    uploads = algorithm.local_update(round_, clients, downloads)
    kept = ~np.isin(clients, lost)
    algorithm.aggregate(round_, clients[kept], [upload for upload, k in zip(uploads, kept, strict=True) if k])
    return downloads, uploads


def test_one_task_with_full_masks_is_fedavg_exactly(federation):
    """The sums are the same float64 sums in the same order, so that every bit agrees."""
    lossless = {"upload_bits": 32, "download_bits": 32}
    fedavg = started(federation, "fedavg", **lossless)
    fedss = started(federation, **lossless, n_tasks=1, density=1.0, warmup_rounds=2)
    for round_ in range(5):
        who = EVERYBODY if round_ == 1 else EVERYBODY[round_ % 2 :: 2]  # everybody in the probe's round
        play(fedavg, round_, who)
        play(fedss, round_, who)
        theirs = fedss.client_models(round_)
        for client in EVERYBODY:
            np.testing.assert_array_equal(
                theirs.parameters[theirs.of_client[client]], fedavg.state["model"], strict=True
            )


def test_without_sharing_tasks_are_fedavg_of_their_own(federation):
    options = {"upload_bits": 32, "download_bits": 32, "density": 1.0, "known_tasks": True}
    fedss = started(federation, **options, sharing="none", warmup_rounds=1)
    play(fedss, 0)
    alone = [started(federation, **options, sharing="none", warmup_rounds=1) for _ in range(2)]
    for task, algorithm in enumerate(alone):
        play(algorithm, 0)
        members = np.flatnonzero(federation.data.task == task)
        for round_ in (1, 2):
            play(algorithm, round_, members)
    for round_ in (1, 2):
        play(fedss, round_)
    for task, algorithm in enumerate(alone):
        np.testing.assert_array_equal(fedss.state["models"][task], algorithm.state["models"][task])


def test_tasks_are_found(federation):
    algorithm = started(federation, **{**SETTINGS, "warmup_rounds": 5})
    for round_ in range(5):
        play(algorithm, round_)
    truth = federation.data.task
    agreement = (algorithm.state["task"] == truth).mean()
    assert max(agreement, 1.0 - agreement) == 1.0


@pytest.mark.parametrize("bits", [2, 4, 32])
def test_what_is_reported_is_what_is_sent(federation, bits):
    algorithm = started(federation, **SETTINGS, upload_bits=bits, download_bits=bits)
    for round_ in range(6):
        reported = algorithm.report(round_).payload_bits
        _, uploads = play(algorithm, round_)
        assert [message_bits(upload) for upload in uploads] == reported.tolist()


def test_masks_shrink_to_the_density_and_models_stay_within_them(federation):
    algorithm = started(federation, **SETTINGS)
    prunable = np.count_nonzero(federation.layout.prunable)
    before = None
    for round_ in range(10):
        play(algorithm, round_)
        if "masks" not in algorithm.state:
            continue
        kept, models = algorithm.state["masks"], algorithm.state["models"]
        assert not models[~kept].any()
        assert kept[:, ~federation.layout.prunable].all()
        if before is not None:
            assert not (kept & ~before).any()
        before = kept
    kept = (before & federation.layout.prunable).sum(axis=1)
    assert kept.tolist() == [round(0.4 * prunable)] * 2


def test_regrowth_keeps_the_density_and_moves_the_mask(federation):
    algorithm = started(federation, **SETTINGS, regrow=0.1)
    seen = []
    for round_ in range(6):
        play(algorithm, round_)
        if "masks" in algorithm.state:
            seen.append(algorithm.state["masks"].copy())
    assert any((later & ~earlier).any() for earlier, later in itertools.pairwise(seen))


def test_a_client_that_missed_masks_is_sent_what_it_lacks(federation):
    """Values alone, the change, or the whole mask: whatever a client held, it trains the same model."""
    algorithm = started(federation, **SETTINGS, known_tasks=True)
    for round_ in range(3):
        play(algorithm, round_)
    own = np.flatnonzero(algorithm.state["task"] == 0)
    play(algorithm, 3, own[:3])
    play(algorithm, 4, own[:2])
    play(algorithm, 5, own[:1])
    downloads = algorithm.download(6, EVERYBODY)
    # The first client lacks one change of the mask, the others more than that.
    assert message_bits(downloads[own[0]]) < message_bits(downloads[own[1]]) == message_bits(downloads[own[2]])
    received = algorithm._receive(EVERYBODY, downloads)
    for client in own:
        np.testing.assert_array_equal(received[client], received[own[0]])


def test_clients_that_missed_the_probe_are_asked_and_placed(federation):
    options = {**SETTINGS, "warmup_rounds": 5}
    algorithm = started(federation, **options)
    for round_ in range(4):
        play(algorithm, round_)
    assert algorithm.report(4).least.tolist() == [0.75]
    play(algorithm, 4, lost=[2, 7])
    assert np.flatnonzero(algorithm.state["task"] < 0).tolist() == [2, 7]
    report = algorithm.report(5)
    # Getting to know them is one more task, to which only they contribute.
    assert np.flatnonzero(report.relevance[-1]).tolist() == [2, 7]
    assert (report.relevance[:-1, [2, 7]] == 0.0).all()
    assert report.least.tolist() == [0.0, 0.0, 0.75]
    _, uploads = play(algorithm, 5)
    assert [message_bits(upload) for upload in uploads] == report.payload_bits.tolist()
    whole = started(federation, **options)
    for round_ in range(6):
        play(whole, round_)
    same = algorithm.state["task"] == whole.state["task"]
    assert same.all() or not same.any()  # tasks may be numbered the other way round


def test_relevance_is_what_the_allocator_is_told(federation):
    algorithm = started(federation, **SETTINGS, known_tasks=True)
    for round_ in range(5):
        play(algorithm, round_)
    sharing, report = algorithm.state["sharing"], algorithm.report(5)
    task = algorithm.state["task"]
    for client in EVERYBODY:
        for k in range(2):
            # A mean over the groups, in another order of summation.
            assert report.relevance[k, client] == pytest.approx(sharing[k, task[client]].mean(), rel=1e-14)


@pytest.mark.parametrize(
    ("measure", "quantiser"),
    [
        *((measure, "adaptive") for measure in ("signal_to_noise", "jaccard", "hamming", "phi", "cosine")),
        *(("signal_to_noise", quantiser) for quantiser in ("lloyd_max", "uniform", "quantile", "none")),
        ("cosine", "none"),
    ],
)
def test_every_measure_and_quantiser(federation, measure, quantiser):
    algorithm = started(federation, **SETTINGS, measure=measure, quantiser=quantiser, levels=4)
    for round_ in range(4):
        play(algorithm, round_)
    sharing, figures = algorithm.state["sharing"], algorithm.figures()
    assert ((sharing >= 0.0) & (sharing <= 1.0)).all()
    np.testing.assert_array_equal(sharing, np.swapaxes(sharing, 0, 1))
    assert (sharing[[0, 1], [0, 1]] == 1.0).all()
    if quantiser != "none":
        assert len(np.unique(sharing[0, 1])) <= figures["levels"] <= 4
    else:
        np.testing.assert_array_equal(sharing, algorithm.state["relevance"])


def test_wrong_numbers_of_tasks_are_survived(federation):
    for tasks in (1, 3, 8, 20):
        algorithm = started(federation, **{**SETTINGS, "n_tasks": tasks})
        for round_ in range(4):
            play(algorithm, round_)
        assert np.isfinite(algorithm.state["models"]).all()
        assert algorithm.state["task"].max() < tasks


def test_empty_rounds_change_nothing(federation):
    algorithm = started(federation, **{**SETTINGS, "density": 1.0})
    for round_ in range(3):
        play(algorithm, round_)
    before = {name: np.array(array) for name, array in algorithm.state.items()}
    play(algorithm, 3, np.zeros(0, dtype=np.int64))
    for name, array in before.items():
        np.testing.assert_array_equal(algorithm.state[name], array)
