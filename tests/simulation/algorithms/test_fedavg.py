"""FedAvg against the formula, and its bytes against their number."""

import numpy as np
import pytest

from fedss_opt.simulation.algorithms import make_algorithm, message_bits
from fedss_opt.simulation.algorithms.base import Federation
from fedss_opt.simulation.data import DataSettings, make_federation
from fedss_opt.simulation.models import MultilayerPerceptron
from fedss_opt.simulation.training import TrainingSettings, batch_order, train


@pytest.fixture
def federation():
    data = make_federation(DataSettings(n_clients=6, n_tasks=2, images_per_client=12), seed=0)
    return Federation(data, MultilayerPerceptron(data.features, (), data.classes), TrainingSettings(local_epochs=2), 0)


def play(algorithm, round_, clients):
    clients = np.asarray(clients)
    downloads = algorithm.download(round_, clients)
    uploads = algorithm.local_update(round_, clients, downloads)
    algorithm.aggregate(round_, clients, uploads)
    return downloads, uploads


def test_a_round_is_the_mean_of_local_training(federation):
    algorithm = make_algorithm("fedavg", federation)
    algorithm.start()
    before = algorithm.state["model"].copy()
    play(algorithm, 0, [0, 2, 5])
    order = batch_order(federation.data, federation.training, 0, 0)
    trained = train(federation.model, before, federation.data, [0, 2, 5], order, federation.training)
    expected = before + (trained - before).astype(np.float64).mean(axis=0)
    # The server adds float32 differences to a float32 model: half a unit in the last place each.
    np.testing.assert_allclose(algorithm.state["model"], expected, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("bits", [1, 4, 16, 32])
def test_what_is_reported_is_what_is_sent(federation, bits):
    algorithm = make_algorithm("fedavg", federation, {"upload_bits": bits, "download_bits": bits})
    algorithm.start()
    reported = algorithm.report(0).payload_bits
    downloads, uploads = play(algorithm, 0, [1, 3])
    assert [message_bits(upload) for upload in uploads] == reported[[1, 3]].tolist()
    assert message_bits(downloads[0]) == reported[0]


def test_coarse_uploads_are_unbiased(federation):
    """Over many draws the mean of 2-bit aggregates is the exact one, within five standard errors."""
    exact = make_algorithm("fedavg", federation)
    exact.start()
    play(exact, 0, [0, 1])
    found = []
    for seed in range(100):
        coarse = make_algorithm(
            "fedavg", Federation(federation.data, federation.model, federation.training, 0), {"upload_bits": 2}
        )
        coarse.start()
        # Only the rounding is drawn anew.
        coarse.encode = lambda r, v, draw=seed, own=coarse.encode, **o: own(r, v, **{**o, "purpose": f"draw {draw}"})
        clients = np.array([0, 1])
        coarse.aggregate(0, clients, coarse.local_update(0, clients, exact_download(exact, coarse)))
        found.append(coarse.state["model"])
    found = np.array(found, dtype=np.float64)
    error = np.abs(found.mean(axis=0) - exact.state["model"])
    # The largest of the standard errors: parameters that are seldom rounded up have seldom shown it in 100 draws.
    # Five of them are exceeded by one of 650 parameters with probability 4e-4 at most; the seeds are fixed.
    standard_error = found.std(axis=0).max() / np.sqrt(len(found))
    assert (error <= 5.0 * standard_error).all()


def exact_download(exact, coarse):
    return exact.__class__.download(_At(exact, coarse.state["model"]), 0, np.array([0, 1]))


class _At:
    """An algorithm as it was at a model."""

    def __init__(self, algorithm, model):
        self.state = {"model": model}
        self.settings, self.shared, self.encode = algorithm.settings, algorithm.shared, algorithm.encode


def test_nobody_uploads_nothing_changes(federation):
    algorithm = make_algorithm("fedavg", federation)
    algorithm.start()
    before = algorithm.state["model"].copy()
    play(algorithm, 0, np.zeros(0, dtype=np.int64))
    np.testing.assert_array_equal(algorithm.state["model"], before)
