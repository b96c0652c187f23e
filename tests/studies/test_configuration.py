"""Configurations: what is accepted, and the one line that everything else is refused with."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.exceptions import FileFormatError, OptionError
from fedss_opt.studies.configuration import (
    Override,
    default_text,
    load_experiment,
    parse_override,
    to_document,
    to_toml,
)
from fedss_opt.studies.experiment import Experiment, parse_seeds
from fedss_opt.studies.keys import fields

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))

# What stands in the file, and what the error must say after the file's name.
REFUSED = [
    ("rounds = 0", "rounds = 0: must be an integer >= 1"),
    ("rounds = 2.5", "rounds = 2.5: must be an integer >= 1"),
    ('rounds = "5"', "rounds = '5': must be an integer >= 1"),
    ("rounds = true", "rounds = true: must not be true or false"),
    ("name = 3", "name = 3: must be a text"),
    ("round = 3", "round: unknown key (did you mean 'rounds'?)"),
    ("[dat]\nclients = 3", "dat: unknown key (did you mean 'data'?)"),
    ("data = 5", "data = 5: must be a table"),
    ("[training]\nlearning_rate = -1", "training.learning_rate = -1: must be a number > 0"),
    ("[training]\nlearning_rate = inf", "training.learning_rate = inf: must be finite: a number > 0"),
    ("[training]\nmomentum = 1", "training.momentum = 1: must be a number >= 0 and < 1"),
    ("[training]\nlearning_rat = 1", "training.learning_rat: unknown key (did you mean 'learning_rate'?)"),
    ("[training]\nzzz = 1", "training.zzz: unknown key; the keys here are local_epochs,"),
    ("[training]\nlearning_rate = 1979-05-27", "must be a number > 0"),
    ("[data]\nfamily = 'swap3'", "data.family = 'swap3': must be 'swap2', 'permpairs',"),
    ("[data]\ndataset = 'idx'", "data.folder: dataset idx needs the folder"),
    ("[data]\nreplace = 1.5", "data.replace = 1.5: must be true or false"),
    ("[model]\nhidden = [3, 0]", "model.hidden[1] = 0: must be greater than or equal to 1"),
    ("[model]\nhidden = 3", "model.hidden = 3: must be an array, each an integer >= 1"),
    ("[cell]\npreset = 'x'", "cell.preset = 'x': must be one of 'yang2021'"),
    ("[cell]\nbandwidth_hz = 0", "cell.bandwidth_hz = 0: must be a number > 0 or 'none'"),
    ("[cell]\nfading = 'x'", "cell.fading = 'x': must be 'rayleigh' or 'none'"),
    ("[devices]\nflops_per_s = [2, 1]", "devices.flops_per_s = [2, 1]: must be a finite number"),
    ("[devices]\nenergy_j = nan", "devices.energy_j = nan: must be a number > 0"),
    ("[allocation]\nrequired_fraction = 2", "allocation.required_fraction = 2: must be a number >= 0 and <= 1"),
    ("[run]\nalgorithms = []", "run.algorithms = []: must be an array that is not empty"),
    ("[run]\nalgorithms = ['fedsss']", "run.algorithms[0] = 'fedsss': must be one of"),
    ("[run]\nalgorithms = 'fedss'", "run.algorithms = 'fedss': must be an array, each a text"),
    ("[run]\nalgorithms = ['local', 'local']", "run.algorithms = ['local', 'local']: 'local' stands there twice"),
    ("[run]\npolicies = ['adm']", "run.policies = ['adm']: 'adm' must be one of"),
    ("[run]\nseeds = [0, -1]", "run.seeds[1] = -1: must be greater than or equal to 0"),
    ("[run]\nseeds = '8:0'", "run.seeds = '8:0': the range 8:0 must hold 1 to"),
    ("[run]\nseeds = 'x'", "run.seeds = 'x': must be integers >= 0 such as"),
    ("[algorithms.fedss]\ndensity = 2", "algorithms.fedss.density = 2: must be a number > 0 and <= 1"),
    ("[algorithms.fedss]\ndensity = '1'", "algorithms.fedss.density = '1': must be a number > 0 and <= 1"),
    ("[algorithms.fedss]\ndensty = 1", "algorithms.fedss.densty: unknown key (did you mean 'density'?)"),
    ("[algorithms]\nfedss = 1", "algorithms.fedss = 1: must be a table"),
    ("[algorithms.dense]\ndensity = 1", "algorithms.dense: no algorithm of this name"),
    ("[algorithms.dense]\nbase = 'fedsss'", "algorithms.dense.base = 'fedsss': must be one of"),
    ("[algorithms.dense]\nbase = 3", "algorithms.dense.base = 3: must be one of"),
    ("[algorithms.fedavg]\nbase = 'fedss'", "algorithms.fedavg.base = 'fedss': fedavg is an algorithm itself"),
    ("[algorithms.Dense]\nbase = 'fedss'", "algorithms.Dense: a variant's name has lower-case letters"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text.replace("\n", " ") for text, _ in REFUSED])
def test_what_is_wrong_in_a_file_is_told_in_one_line(tmp_path, text, message):
    file = tmp_path / "my.toml"
    file.write_text(text)
    with pytest.raises(FileFormatError, match=re.escape(message)) as caught:
        load_experiment(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text.replace("\n", " ") for text, _ in REFUSED])
def test_what_is_wrong_in_an_option_is_not_blamed_on_the_file(text, message):
    *section, line = text.splitlines()
    key, _, value = line.partition(" = ")
    path = f"{section[0].strip('[]')}.{key}" if section else key
    option = f"{path}={value}"
    with pytest.raises(OptionError, match=re.escape(message)) as caught:
        load_experiment(overrides=[parse_override(option)])
    assert str(caught.value).startswith(f"--set {option}: ")


def test_the_wrong_option_of_several_is_named():
    changes = [parse_override(text) for text in ("rounds=3", "training.learning_rate=-1")]
    changes.append(Override("--seeds", "run.seeds", "0"))
    with pytest.raises(OptionError, match=r"^--set training\.learning_rate=-1: training"):
        load_experiment(overrides=changes)


def test_a_file_that_needs_an_option_may_have_it(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[data]\ndataset = 'npz'")
    experiment = load_experiment(file, [parse_override(f"data.folder={tmp_path}")])
    assert experiment.data.folder == tmp_path


def test_files_that_are_no_toml(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("rounds = [1\n2]")
    with pytest.raises(FileFormatError, match=r"mine\.toml: not TOML: .*line 2"):
        load_experiment(file)
    file.write_bytes(b"name = '\xff'")
    with pytest.raises(FileFormatError, match=r"mine\.toml: line 1, byte 8"):
        load_experiment(file)
    with pytest.raises(FileNotFoundError):
        load_experiment(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("rounds=5", "rounds", 5),
        (" a.b = [1, 2] ", "a.b", [1, 2]),
        ("data.family=iid", "data.family", "iid"),
        ("data.family='iid'", "data.family", "iid"),
        ("a=b=c", "a", "b=c"),
        ("devices.energy_j=inf", "devices.energy_j", math.inf),
        ("a=1\nb=2", "a", "1\nb=2"),
    ],
)
def test_an_override_is_toml_or_a_text(text, key, value):
    override = parse_override(text)
    assert (override.key, override.value) == (key, value)


@pytest.mark.parametrize("text", ["", "rounds", "=3", "rounds=", ".=1", "a..b=1"])
def test_an_override_needs_key_and_value(text):
    with pytest.raises(OptionError, match="must be key=value"):
        parse_override(text)


def test_a_value_has_no_keys():
    with pytest.raises(OptionError, match=r"^--set rounds\.x=3: rounds is a value"):
        load_experiment(overrides=[parse_override("rounds.x=3")])


def test_later_overrides_win_and_sections_are_made():
    changes = [parse_override(text) for text in ("rounds=5", "rounds=6", "devices.jitter=0.5")]
    experiment = load_experiment(overrides=changes)
    assert (experiment.rounds, experiment.devices.jitter) == (6, 0.5)


def test_none_is_no_value_where_a_number_is_optional():
    changes = [parse_override("allocation.relevance_step=none"), parse_override("cell.fading=none")]
    experiment = load_experiment(overrides=changes)
    assert experiment.allocation.relevance_step is None
    assert experiment.cell.fading == "none"  # a value of this key: no fading, not the preset's
    assert to_document(experiment)["allocation"]["relevance_step"] == "none"


def test_variants_of_one_algorithm_stand_side_by_side():
    changes = [
        parse_override("algorithms.fedss-dense.base=fedss"),
        parse_override("algorithms.fedss-dense.density=1.0"),
        Override("--algorithms", "run.algorithms", ["fedss", "fedss-dense"]),
    ]
    variants = load_experiment(overrides=changes).variants
    assert variants["fedss"].options.density == 0.3
    assert (variants["fedss-dense"].base, variants["fedss-dense"].options.density) == ("fedss", 1.0)


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (3,)), ("0,3,5", (0, 3, 5)), ("0:8", tuple(range(8))), ("7, 1:3", (7, 1, 2))]
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ",", "1,", "-1", "1:", ":3", "3:3", "1:2:3", "0:99999999", "1e3", "a"])
def test_texts_that_are_no_seeds(text):
    with pytest.raises(ValueError, match="must"):
        parse_seeds(text)


# -- writing ------------------------------------------------------------------------------------------------


def test_the_default_says_what_it_is():
    experiment = load_experiment()
    assert experiment.run.algorithms == ("fedss", "fedavg", "oracle_clustered")
    assert experiment.run.policies == ("admm", "random")
    assert experiment.data.n_clients == 40
    assert tomllib.loads(default_text())["name"] == experiment.name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_accepted(path):
    assert load_experiment(path).run.algorithms


@pytest.mark.parametrize("path", [None, *EXAMPLES], ids=lambda path: "default" if path is None else path.name)
def test_a_written_configuration_reads_the_same(tmp_path, path):
    experiment = load_experiment(path)
    file = tmp_path / "written.toml"
    file.write_text(to_toml(to_document(experiment)), encoding="utf-8")
    again = load_experiment(file)
    assert again.simulation == experiment.simulation
    assert dict(again.variants) == dict(experiment.variants)
    assert to_document(again) == to_document(experiment)


def test_a_written_configuration_has_every_key():
    document = to_document(load_experiment())
    for path, _, _, field in fields(Experiment):
        if path == "algorithms" or field.default is None:
            continue
        table = document
        for step in path.split("."):
            assert step in table, path
            table = table[step]


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
DOCUMENTS = st.recursive(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=4),
    lambda inner: st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES | inner, max_size=4),
    max_leaves=6,
)


@given(DOCUMENTS)
def test_any_document_is_written_as_toml_that_reads_the_same(document):
    assert tomllib.loads(to_toml(document)) == document
