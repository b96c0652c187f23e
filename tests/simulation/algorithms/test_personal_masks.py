"""Sub-FedAvg and LotteryFL: masks that belong to clients."""

import numpy as np
import pytest

from fedss_opt.sharing import payload
from fedss_opt.simulation.algorithms import message_bits

from .playing import federation, models_of, play, started

NAMES = ["sub_fedavg", "lotteryfl"]
EAGER = {"density": 0.4, "prune_step": 0.3, "accuracy": 0.0}


@pytest.fixture(scope="module")
def where():
    return federation()


@pytest.mark.parametrize("name", NAMES)
def test_masks_shrink_to_the_final_density_and_differ(name, where):
    algorithm = started(name, where, **EAGER)
    layout, before = where.layout, algorithm.state["masks"].copy()
    for round_ in range(5):
        play(algorithm, [round_])
        after = algorithm.state["masks"]
        assert not (after & ~before).any()
        assert after[:, ~layout.prunable].all()
        np.testing.assert_array_equal(algorithm.state["known"], after)
        before = after.copy()
    prunable = np.count_nonzero(layout.prunable)
    # To the nearest weight.
    np.testing.assert_allclose(np.count_nonzero(before & layout.prunable, axis=1), 0.4 * prunable, atol=0.5)
    assert algorithm.figures()["density"] == pytest.approx(0.4, abs=0.5 / prunable)
    if name == "sub_fedavg":  # the other prunes what all were sent alike
        assert len(np.unique(before, axis=0)) == len(before)
    assert not models_of(algorithm, 4)[~before].any()


@pytest.mark.parametrize("name", NAMES)
def test_nobody_prunes_who_is_not_accurate_enough(name, where):
    algorithm = started(name, where, accuracy=1.0)
    play(algorithm, [0])  # two epochs from the start get nobody to know all samples
    assert algorithm.state["masks"].all()


def test_a_settled_network_is_not_pruned(where):
    algorithm = started("sub_fedavg", where, accuracy=0.0, distance=1.0)
    play(algorithm, range(2))
    assert algorithm.state["masks"].all()


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_upload_leaves_the_server_with_the_mask_it_knows(name, where):
    algorithm = started(name, where, **EAGER)
    play(algorithm, range(2), lost=3)
    masks, known = algorithm.state["masks"], algorithm.state["known"]
    assert known[:3].all()
    assert not masks[:3].all(axis=1).any()
    play(algorithm, [2])
    np.testing.assert_array_equal(algorithm.state["known"], algorithm.state["masks"])


@pytest.mark.parametrize("name", NAMES)
def test_masks_travel_in_full_at_first_and_by_difference_then(name, where):
    """A mask is sent when it has changed; once it has its final density, values alone are sent, as reported."""
    algorithm = started(name, where, **EAGER)
    who = np.arange(8)
    modes = []
    for round_ in range(6):
        reported = algorithm.report(round_).payload_bits
        known = algorithm.state["known"].copy()
        uploads = algorithm.local_update(round_, who, algorithm.download(round_, who))
        found = [
            payload.decode(upload[0], layer=where.layout.layer, reference=mask)
            for upload, mask in zip(uploads, known, strict=True)
        ]
        modes.append({each.mode for each in found})
        np.testing.assert_array_equal([each.mask for each in found], algorithm.state["masks"])
        sent = np.array([message_bits(upload) for upload in uploads])
        if modes[-1] == {payload.MaskMode.KNOWN}:
            np.testing.assert_array_equal(sent, reported)
        assert (sent <= reported).all()
        algorithm.aggregate(round_, who, uploads)
    changed = {payload.MaskMode.FULL, payload.MaskMode.DELTA}
    assert modes[0] <= changed
    assert modes[1] <= changed
    assert modes[-1] == {payload.MaskMode.KNOWN}


def test_the_server_averages_over_those_who_kept_a_weight(where):
    """Against the formula, one weight at a time."""
    algorithm = started("sub_fedavg", where, **EAGER)
    play(algorithm, range(2))
    who = np.array([0, 2, 5])
    before = algorithm.state["model"].astype(np.float64)
    known = algorithm.state["known"].copy()
    uploads = algorithm.local_update(2, who, algorithm.download(2, who))
    found = [
        payload.decode(upload[0], layer=where.layout.layer, reference=known[client])
        for client, upload in zip(who, uploads, strict=True)
    ]
    algorithm.aggregate(2, who, uploads)
    for j in range(where.layout.parameters):
        kept = [float(each.values[j]) for each in found if each.mask[j]]
        # Three float32 sums of numbers below 4.
        expected = before[j] + sum(kept) / len(kept) if kept else before[j]
        assert algorithm.state["model"][j] == pytest.approx(expected, abs=1e-6)


def test_a_ticket_goes_back_to_where_it_began(where):
    algorithm = started("lotteryfl", where, **EAGER)
    play(algorithm, range(2))
    who = np.array([1])
    received = algorithm.state["model"][np.newaxis] * algorithm.state["masks"][who]
    trained, kept = algorithm.explore(2, who, received.copy(), algorithm.state["masks"][who])
    assert np.count_nonzero(kept) < np.count_nonzero(algorithm.state["masks"][who])
    rewound = np.where(kept, where.initial(), np.float32(0.0))
    np.testing.assert_array_equal(trained, where.train(2, who, rewound, trainable=kept))


def test_a_client_with_nothing_left_to_prune_trains_on(where):
    algorithm = started("lotteryfl", where, **EAGER)
    play(algorithm, range(5))
    who = np.array([1])
    received = algorithm.state["model"][np.newaxis] * algorithm.state["masks"][who]
    trained, kept = algorithm.explore(5, who, received.copy(), algorithm.state["masks"][who])
    np.testing.assert_array_equal(kept, algorithm.state["masks"][who])
    np.testing.assert_array_equal(trained, where.train(5, who, received, trainable=kept))


@pytest.mark.parametrize("name", NAMES)
def test_fine_tuning_keeps_to_the_mask(name, where):
    algorithm = started(name, where, **EAGER, finetune_epochs=0)
    play(algorithm, range(2))
    plain = models_of(algorithm, 1)
    np.testing.assert_array_equal(plain, algorithm.state["model"] * algorithm.state["masks"])


def test_the_first_epoch_ends_with_its_last_short_batch(monkeypatch):
    """In batches of eight the last is a short one, and is a step of the first epoch as the others are."""
    where = federation(batch_size=8)
    samples = where.samples(np.arange(8))
    assert (samples % 8 > 0).all()
    algorithm = started("sub_fedavg", where, **EAGER)
    steps = []

    def spy(federation, round_, clients, start, **rules):
        if "steps" in rules:
            steps.append(rules["steps"])
        return honest(federation, round_, clients, start, **rules)

    honest = type(where).train
    monkeypatch.setattr(type(where), "train", spy)
    play(algorithm, [0])
    assert np.concatenate(steps).tolist() == [len(range(0, int(n), 8)) for n in samples]
