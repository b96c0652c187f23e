"""Algorithms with one model per cluster, and what they decide by."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.simulation.algorithms.cfl import bipartition
from fedss_opt.simulation.algorithms.own_data import own_accuracies, own_losses

from .playing import accuracy, models_of, opposed, play, started


@pytest.fixture(scope="module")
def where():
    return opposed()


def same_partition(first, second):
    return np.array_equal(np.equal.outer(first, first), np.equal.outer(second, second))


def test_clusters_are_the_true_tasks_here(where):
    algorithm = started("clustered", where, n_tasks=2, warmup_rounds=3)
    play(algorithm, range(3))
    assert same_partition(algorithm.state["cluster"], where.data.task)
    assert algorithm.figures() == {"clusters": 2.0}


def test_most_are_asked_for_the_probe_and_those_missed_are_a_task_of_their_own(where):
    algorithm = started("clustered", where, n_tasks=2, warmup_rounds=3)
    assert algorithm.report(1).least.tolist() == [0.0]
    assert algorithm.report(2).least.tolist() == [0.75]
    play(algorithm, range(3), selected={2: (0, 1, 2, 4, 5, 6)})
    reported = algorithm.report(3)
    np.testing.assert_array_equal(np.flatnonzero(reported.relevance[-1]), [3, 7])
    assert reported.least.tolist() == [0.0, 0.0, 0.75]
    assert not reported.relevance[:-1, [3, 7]].any()
    np.testing.assert_array_equal(reported.relevance.sum(axis=0), 1.0)
    # Until they are placed, they use the common model, and do not touch those of the clusters.
    before = algorithm.state["models"].copy()
    np.testing.assert_array_equal(models_of(algorithm)[[3, 7]], np.repeat(algorithm.state["common"][None], 2, axis=0))
    play(algorithm, [3], selected={3: (3, 7)})
    np.testing.assert_array_equal(algorithm.state["models"], before)
    assert same_partition(algorithm.state["cluster"], where.data.task)
    assert algorithm.report(4).relevance.shape == (2, 8)
    assert algorithm.report(4).least is None


def test_a_cluster_learns_from_its_own(where):
    algorithm = started("oracle_clustered", where)
    before = algorithm.state["models"].copy()
    play(algorithm, [0], selected={0: (0, 1)})
    assert not np.array_equal(algorithm.state["models"][0], before[0])
    np.testing.assert_array_equal(algorithm.state["models"][1], before[1])
    np.testing.assert_array_equal(algorithm.report(1).relevance, [[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clustered", {"n_tasks": 2, "warmup_rounds": 3}),
        ("cfl", {"eps1": 0.8}),
        ("ifca", {"n_tasks": 2}),
        ("oracle_clustered", {}),
    ],
)
def test_opposed_tasks_need_models_of_their_own(name, options, where):
    """One model for both gets half of the labels right at most; each of these finds a way out."""
    algorithm = started(name, where, **options)
    play(algorithm, range(25))
    assert accuracy(algorithm, 24) > 0.75
    cluster = algorithm.client_models(24).of_client
    assert same_partition(cluster, where.data.task)


def test_ifca_picks_the_least_loss_and_tells(where):
    algorithm = started("ifca", where, n_tasks=3)
    assert (algorithm.report(0).relevance == 1.0 / 3.0).all()
    who = np.array([0, 3, 6])
    losses = own_losses(where, algorithm.state["models"], who)
    downloads = algorithm.download(0, who)
    assert len(downloads[0]) == 3
    uploads = algorithm.local_update(0, who, downloads)
    assert [upload[1][0] for upload in uploads] == losses.argmin(axis=1).tolist()
    algorithm.aggregate(0, who, uploads)
    np.testing.assert_array_equal(algorithm.state["cluster"][who], losses.argmin(axis=1))
    assert (algorithm.state["cluster"][[1, 2, 4, 5, 7]] == -1).all()
    relevance = algorithm.report(1).relevance
    np.testing.assert_array_equal(relevance[:, 3], np.arange(3) == losses[1].argmin())
    np.testing.assert_array_equal(relevance[:, 1], 1.0 / 3.0)


def test_ifca_begins_with_different_models_or_with_one_perturbed(where):
    different = started("ifca", where, n_tasks=3).state["models"]
    perturbed = started("ifca", where, n_tasks=3, beginning="perturbed", perturbation=0.01).state["models"]
    np.testing.assert_array_equal(different[0], where.initial())
    np.testing.assert_array_equal(perturbed[0], where.initial())
    apart = np.linalg.norm(different[1:] - different[0], axis=1)
    assert (np.linalg.norm(perturbed[1:] - perturbed[0], axis=1) < 0.02 * apart).all()
    assert len(np.unique(perturbed, axis=0)) == 3


def test_cfl_splits_where_clients_pull_apart(where):
    algorithm = started("cfl", where, eps1=10.0, eps2=0.0, min_cluster_size=2, first_split_round=3, linkage="complete")
    play(algorithm, range(3))
    assert len(algorithm.state["models"]) == 1
    play(algorithm, [3])
    assert same_partition(algorithm.state["cluster"], where.data.task)
    assert len(algorithm.state["models"]) == 2
    assert algorithm.report(4).relevance.shape == (2, 8)


def test_cfl_splits_by_both_thresholds_and_keeps_the_least_size(where):
    for options in ({"eps1": 0.0, "eps2": 0.0}, {"eps1": 10.0, "eps2": 100.0}):
        algorithm = started("cfl", where, **options)
        play(algorithm, range(2))
        assert len(algorithm.state["models"]) == 1
    algorithm = started("cfl", where, eps1=10.0, eps2=0.0, min_cluster_size=3)
    play(algorithm, range(6))
    assert np.bincount(algorithm.state["cluster"]).min() >= 3


def test_cfl_leaves_the_silent_with_the_larger_side(where):
    algorithm = started("cfl", where, eps1=10.0, eps2=0.0, min_cluster_size=1)
    rng = np.random.default_rng(0)
    there = 0.01 * rng.normal(size=where.layout.parameters)
    algorithm.state["latest"][[0, 1, 2]] = there
    algorithm.state["latest"][[5]] = -there
    algorithm.state["heard"][[0, 1, 2, 5]] = True
    algorithm.state["unit"] = np.array(1.0)
    algorithm._split(0)
    np.testing.assert_array_equal(algorithm.state["cluster"], [0, 0, 0, 0, 0, 1, 0, 0])


@given(st.integers(2, 7), st.integers(0, 500))
def test_single_linkage_makes_the_largest_cosine_between_the_sides_least(n, seed):
    updates = np.random.default_rng(seed).normal(size=(n, 3))
    directions = updates / np.linalg.norm(updates, axis=1, keepdims=True)
    cosine = directions @ directions.T

    def across(side):
        return cosine[np.ix_(side, ~side)].max()

    every = [np.array((False, *rest)) for rest in itertools.product((False, True), repeat=n - 1) if any(rest)]
    found = bipartition(updates)
    assert found.any()
    assert not found[0]
    # The same cosines, computed in another order.
    assert across(found) <= min(across(side) for side in every) + 1e-12


def test_losses_on_own_samples_are_those_of_training(where):
    models = np.stack([where.initial(k) for k in range(3)])
    who = np.array([1, 4, 5])
    found = own_losses(where, models, who)
    data = where.data
    for k, model in enumerate(models):
        theta = np.repeat(model[None], len(who), axis=0)
        loss, _ = where.model.loss_and_gradient(
            theta, data.inputs[who], data.labels[who], np.ones(data.labels[who].shape, np.float32)
        )
        np.testing.assert_allclose(found[:, k], loss, rtol=1e-5)  # float32 means of 30 samples


def test_padding_counts_for_nothing(where):
    data = where.data
    models = np.stack([where.initial(k) for k in range(8)])
    everybody = np.arange(8)
    losses, right = own_losses(where, models[:2], everybody), own_accuracies(where, models, everybody)
    short = np.array([30, 7, 30, 1, 12, 30, 29, 3])
    inputs = np.where((np.arange(30) < short[:, None])[:, :, None], data.inputs, np.float32(99.0))
    padded = opposed()
    object.__setattr__(padded.data, "samples", short)
    object.__setattr__(padded.data, "inputs", inputs)
    for client, size in enumerate(short):
        rows = data.inputs[client, :size], data.labels[client, :size]
        guess = where.model.logits(models[[client]], rows[0][None])[0].argmax(axis=1)
        # Means of at most 30 numbers.
        assert own_accuracies(padded, models, everybody)[client] == pytest.approx((guess == rows[1]).mean(), abs=1e-12)
    full = short == 30
    np.testing.assert_allclose(own_losses(padded, models[:2], everybody)[full], losses[full], rtol=1e-12)
    np.testing.assert_allclose(own_accuracies(padded, models, everybody)[full], right[full], rtol=1e-12)
