"""Where an algorithm contains a simpler one, it is that one."""

import numpy as np
import pytest

from .playing import federation, models_of, play, started

PARTIAL = {1: (0, 3, 4), 2: (), 3: (1, 2, 5, 6, 7)}


@pytest.fixture(scope="module")
def where():
    return federation()


@pytest.fixture(scope="module")
def fedavg(where):
    """FedAvg's model after five rounds."""
    algorithm = started("fedavg", where)
    play(algorithm, range(5), selected=PARTIAL)
    return algorithm.state["model"]


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        ("fedprox", {"mu": 0.0}, "model"),
        ("fedavg_finetune", {}, "model"),
        ("ditto", {"pull": 0.3}, "model"),
        ("ifca", {"n_tasks": 1}, "models"),
        ("cfl", {"eps1": 0.0}, "models"),
        ("clustered", {"n_tasks": 1}, "models"),
        ("sub_fedavg", {"density": 1.0}, "model"),
        ("lotteryfl", {"density": 1.0}, "model"),
    ],
)
def test_fedavg_to_the_last_bit(name, options, key, where, fedavg):
    algorithm = started(name, where, **options)
    play(algorithm, range(5), selected=PARTIAL)
    found = algorithm.state[key]
    np.testing.assert_array_equal(found if found.ndim == 1 else found[0], fedavg)


def test_an_oracle_of_one_task_is_fedavg():
    one = federation(family="iid")
    oracle, plain = started("oracle_clustered", one), started("fedavg", one)
    play(oracle, range(3))
    play(plain, range(3))
    np.testing.assert_array_equal(oracle.state["models"], plain.state["model"][np.newaxis])


def test_fedprox_holds_clients_back(where):
    def moved(mu):
        algorithm = started("fedprox", where, mu=mu)
        before = algorithm.state["model"]
        play(algorithm, [0])
        return float(np.linalg.norm(algorithm.state["model"] - before))

    assert moved(5.0) < moved(1.0) < moved(0.0)


def test_ditto_without_pull_is_local_training_and_a_strong_pull_binds(where):
    """Local training draws its batches under another name, so that only the kind of result can be compared."""
    free, bound = started("ditto", where, pull=0.0), started("ditto", where, pull=9.0)
    for algorithm in (free, bound):
        play(algorithm, range(4))
    apart = [np.linalg.norm(each.state["personal"] - each.state["model"], axis=1).mean() for each in (free, bound)]
    assert apart[1] < 0.3 * apart[0]
    # Without a pull nothing of the others reaches a client: the common model plays no part.
    other = started("ditto", where, pull=0.0)
    other.state["model"] = other.state["model"] * np.float32(2.0)
    play(other, range(4))
    np.testing.assert_array_equal(other.state["personal"], free.state["personal"])


def test_fedu_without_attraction_is_local_training(where):
    fedu, local = started("fedu", where, attraction=0.0), started("local", where)
    for algorithm in (fedu, local):
        play(algorithm, range(3))
    # Three float32 differences added to a model: half a unit in the last place of numbers below 2 each, and what
    # ten steps of training make of that.
    np.testing.assert_allclose(fedu.state["models"], local.state["models"], atol=1e-5)


def test_fedu_with_full_attraction_is_the_oracle(where):
    """Clients have equally many samples here, so that the task's mean is FedAvg's."""
    fedu, oracle = started("fedu", where, attraction=1.0), started("oracle_clustered", where)
    for algorithm in (fedu, oracle):
        play(algorithm, range(3))
    np.testing.assert_allclose(models_of(fedu), models_of(oracle), atol=1e-5)  # rounding as above


def test_fedu_pulls_towards_the_mean_of_the_task(where):
    algorithm = started("fedu", where, attraction=0.25)
    rng = np.random.default_rng(0)
    models = rng.normal(size=algorithm.state["models"].shape).astype(np.float32)
    differences = rng.normal(size=(2, models.shape[1])).astype(np.float32)
    algorithm.state["models"] = models.copy()
    algorithm.step(differences, np.array([1, 6]))
    trained = models.astype(np.float64)
    trained[[1, 6]] += differences
    for client in range(len(models)):
        expected = trained[client]
        if client in (1, 6):
            own = np.flatnonzero(where.data.task == where.data.task[client])
            expected = expected - 0.25 * sum(trained[client] - trained[other] for other in own) / len(own)
        # Two float32 roundings of numbers below 8: 2 * 2^-22.
        np.testing.assert_allclose(algorithm.state["models"][client], expected, atol=5e-7)


@pytest.mark.parametrize("name", ["fedper", "fedrep"])
def test_heads_stay_at_home(name, where):
    algorithm = started(name, where)
    head = where.model.head
    initial = algorithm.state["model"].copy()
    play(algorithm, range(3), selected={0: (0, 1, 2), 1: (0, 1, 2), 2: (0, 1, 2)})
    np.testing.assert_array_equal(algorithm.state["model"][head], initial[head])
    assert not np.array_equal(algorithm.state["model"][~head], initial[~head])
    models = models_of(algorithm)
    assert (models[:, ~head] == algorithm.state["model"][~head]).all()
    assert (models[3:, head] == initial[head]).all()
    assert len(np.unique(models[:3, head], axis=0)) == 3


def test_fedrep_fits_the_body_to_the_new_head(where):
    """The head moves by the first phase alone, from the body that was sent; the body by the second."""
    algorithm = started("fedrep", where, head_epochs=1)
    client, head, start = np.array([4]), where.model.head, algorithm.state["model"][np.newaxis]
    trained = algorithm.descend(0, client, start.copy())
    one_epoch = where.training.model_copy(update={"local_epochs": 1})
    fitted = where.train(0, client, start, purpose="batches of the head", settings=one_epoch, trainable=head)
    np.testing.assert_array_equal(fitted[:, ~head], start[:, ~head])
    np.testing.assert_array_equal(trained[:, head], fitted[:, head])
    assert not np.array_equal(trained[:, ~head], start[:, ~head])


def test_local_training_hears_of_nobody(where):
    algorithm = started("local", where)
    present = np.arange(8) % 2 == 0
    trained = algorithm.on_their_own(0, present)
    np.testing.assert_array_equal(trained, present)
    start = where.initial()
    np.testing.assert_array_equal(algorithm.state["models"][~present], np.broadcast_to(start, (4, len(start))))
    np.testing.assert_array_equal(algorithm.state["models"][[4]], where.train(0, np.array([4]), start))


def test_fine_tuning_leaves_the_common_model_alone(where):
    tuned, plain = started("fedavg_finetune", where, finetune_epochs=1), started("fedavg", where)
    play(tuned, [0])
    play(plain, [0])
    first, second = models_of(tuned, 0), models_of(tuned, 0)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(tuned.state["model"], plain.state["model"])
    assert len(np.unique(first, axis=0)) == len(first)
