"""What holds for every algorithm alike."""

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.simulation.algorithms import ALGORITHMS, algorithm_type, make_algorithm, message_bits

from .playing import CLIENTS, accuracy, federation, models_of, play, started, written_and_read

NAMES = list(ALGORITHMS)
NOBODY: tuple[int, ...] = ()
# Some rounds without anybody, and with few; round 4 is the probe of those that cluster.
PARTIAL = {0: (1, 4, 6), 1: NOBODY, 2: (0,), 3: (2, 3, 5, 7), 4: (0, 1, 2, 4, 5, 6), 5: NOBODY, 6: (3, 7)}


@pytest.fixture(scope="module")
def where():
    return federation()


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name, where):
    algorithm = started(name, where)
    before = accuracy(algorithm, 0)
    play(algorithm, range(10))
    # Fine-tuning alone reaches 0.33 here, and the least of the ten-round accuracies over the algorithms is 0.53.
    assert accuracy(algorithm, 9) > before + 0.15


@pytest.mark.parametrize("name", NAMES)
def test_the_state_is_all_there_is(name, where):
    """A run that is interrupted after every round, with everything but the state forgotten, ends the same."""
    whole = started(name, where, upload_bits=4, download_bits=8)
    play(whole, range(7), selected=PARTIAL)
    again = started(name, where, upload_bits=4, download_bits=8)
    for round_ in range(7):
        kept = written_and_read(again.state)
        again = make_algorithm(name, federation(), {"upload_bits": 4, "download_bits": 8})
        again.state = kept
        play(again, [round_], selected=PARTIAL)
    assert again.state.keys() == whole.state.keys()
    for key, array in whole.state.items():
        assert isinstance(array, (np.ndarray, np.generic))  # numbers are written like arrays of no dimension
        assert not array.dtype.hasobject
        assert again.state[key].dtype == array.dtype
        np.testing.assert_array_equal(again.state[key], array, err_msg=key)
    np.testing.assert_array_equal(models_of(again, 6), models_of(whole, 6))


@pytest.mark.parametrize("name", NAMES)
def test_nobody_and_lost_uploads_are_survived(name, where):
    algorithm = started(name, where)
    play(algorithm, range(7), selected=PARTIAL, lost=1)
    models = models_of(algorithm, 6)
    assert models.shape == (CLIENTS, where.layout.parameters)
    assert models.dtype == np.float32
    assert np.isfinite(models).all()


@pytest.mark.parametrize(
    ("name", "bits"), [(name, bits) for place, name in enumerate(NAMES) for bits in (32, (1, 5)[place % 2])]
)
def test_no_upload_is_longer_than_reported(name, bits, where):
    """It is exactly as long, but where clients choose their masks: then it is at most as long."""
    algorithm = started(name, where, upload_bits=bits)
    for round_ in range(7):
        who = np.array(PARTIAL[round_], dtype=np.int64)
        reported = algorithm.report(round_)
        assert reported.payload_bits.shape == (CLIENTS,)
        assert reported.least is None or reported.least.shape == (len(reported.relevance),)
        assert reported.relevance.ndim == 2
        assert reported.relevance.shape[1] == CLIENTS
        assert (reported.payload_bits > 0).all()
        assert ((reported.relevance >= 0) & (reported.relevance <= 1)).all()
        uploads = algorithm.local_update(round_, who, algorithm.download(round_, who))
        sent = np.array([message_bits(upload) for upload in uploads], dtype=np.float64)
        if name == "local":
            assert not sent.any()
        elif name in ("sub_fedavg", "lotteryfl"):
            assert (sent <= reported.payload_bits[who]).all()
        else:
            np.testing.assert_array_equal(sent, reported.payload_bits[who])
        algorithm.aggregate(round_, who, uploads)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_client_trains_does_not_depend_on_who_else_does(name, where):
    """Batches belong to the client: at 32 bits its upload is the same in any company."""
    who = np.array([2, 5])
    together, alone = (started(name, where, upload_bits=32, download_bits=32) for _ in range(2))
    everybody = np.arange(CLIENTS)
    crowd = together.local_update(0, everybody, together.download(0, everybody))
    pair = alone.local_update(0, who, alone.download(0, who))
    assert [crowd[client] for client in who] == pair


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_and_whose(name):
    kind = algorithm_type(name)
    assert kind.title
    assert "Source: " in (kind.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("fedavg_finetune", "finetune_epochs", 0),
        ("fedprox", "mu", -0.1),
        ("fedprox", "mu", float("nan")),
        ("fedrep", "head_epochs", 0),
        ("ditto", "pull", -1.0),
        ("ifca", "tasks", 257),
        ("ifca", "beginning", "same"),
        ("ifca", "perturbation", 0.0),
        ("cfl", "eps1", -1.0),
        ("cfl", "min_cluster_size", 0),
        ("cfl", "linkage", "ward"),
        ("clustered", "tasks", 0),
        ("clustered", "warmup_rounds", 0),
        ("fedu", "attraction", 1.5),
        ("fedmgda", "epsilon", 2.0),
        ("fedmgda", "server_rate", 0.0),
        ("mgda_momentum", "mixing", 1.0),
        ("sub_fedavg", "density", 0.0),
        ("sub_fedavg", "distance", -0.1),
        ("lotteryfl", "prune_step", 1.0),
        ("lotteryfl", "accuracy", 1.1),
        ("oracle_clustered", "tasks", 4),
        ("local", "upload_bits", 17 * 2),
    ],
)
def test_refused_options_are_named(name, option, value, where):
    with pytest.raises(fo.OptionError, match=rf"{name}\.{option} = "):
        make_algorithm(name, where, {option: value})


def test_computing_beyond_one_training_is_counted(where):
    assert started("fedavg", where).training_passes == 1.0
    assert started("ditto", where).training_passes == 2.0
    # Three epochs for the head beside the two of the local training.
    assert started("fedrep", where, head_epochs=3).training_passes == 2.5
    # Three forward passes, each a third of an epoch of training, beside the two epochs.
    assert started("ifca", where, n_tasks=3).training_passes == 1.5
