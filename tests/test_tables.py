"""The operator's CSV: what it accepts, what it says of what it does not, and the answer as a CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import table_text, tables
from fedss_opt.quantities import (
    format_quantity,
    parse_bandwidth,
    parse_requirement,
    required_amounts,
    scale_for,
    with_requirements,
)

from . import by_hand

CELL = (
    "id,payload_bits,cn0_dbhz,compute_s,max_upload_s,min_bandwidth_hz,max_bandwidth_hz,weight,mandatory,"
    "available,task:speech,task:scene\n"
    "phone,1e6,75,0.5,2,1e5,1e6,2,yes,true,1,\n"
    '"meter, old",2e6,68.5,,,,,,,,0.5,0.25\n'
    "camera,3e6,70,0,inf,0,inf,1,0,FALSE,0.5,1\n"
)


def parse(text: str, require: tuple[str, ...] = ("0.5",)) -> fo.Problem:
    return tables.parse_table(text, bandwidth_hz="20 MHz", require=require)


def test_a_table_becomes_a_problem():
    problem = parse(CELL)
    assert problem.client_ids == ("phone", "meter, old", "camera")
    assert problem.task_ids == ("speech", "scene")
    assert problem.bandwidth_hz == 20e6
    assert problem.payload_bits.tolist() == [1e6, 2e6, 3e6]
    np.testing.assert_allclose(problem.cn0_hz, 10 ** np.array([7.5, 6.85, 7.0]), rtol=1e-14)
    assert problem.compute_s.tolist() == [0.5, 0.0, 0.0]
    assert problem.max_upload_s.tolist() == [2.0, math.inf, math.inf]
    assert problem.min_bandwidth_hz.tolist() == [1e5, 0.0, 0.0]
    assert problem.max_bandwidth_hz.tolist() == [1e6, math.inf, math.inf]
    assert problem.weights.tolist() == [2.0, 1.0, 1.0]
    assert problem.mandatory.tolist() == [True, False, False]
    assert problem.available.tolist() == [True, True, False]
    assert problem.relevance.tolist() == [[1.0, 0.5, 0.5], [0.0, 0.25, 1.0]]
    assert problem.required.tolist() == [0.75, 0.125]  # of what the available clients offer


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n ,,\n").replace(" ,,\n", "\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace(",", " , ").replace('"meter ,  old" ', '"meter, old"'),
        lambda text: "\n".join(
            ("#" if i == 0 else "") + f"note{i}," + line for i, line in enumerate(text.splitlines())
        ),
    ],
    ids=["bom", "crlf", "cr", "blank lines", "no last newline", "spaces", "comment column"],
)
def test_what_spreadsheets_do_to_a_table_does_not_matter(tmp_path, change):
    path = tmp_path / "cell.csv"
    path.write_bytes(change(CELL).encode())
    assert tables.load_table(path, bandwidth_hz=20e6, require=["0.5"]) == parse(CELL)


@pytest.mark.parametrize(("head", "field"), [("cn0_hz", "cn0_hz"), ("spectral_efficiency", "spectral_efficiency")])
def test_the_channel_comes_in_three_ways(head, field):
    problem = parse(f"payload_bits,{head}\n1,2.5\n2,3.5\n", ())
    assert getattr(problem, field).tolist() == [2.5, 3.5]
    assert problem.client_ids is None
    assert problem.n_tasks == 0


HEAD = "id,payload_bits,cn0_hz,available,task:a\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cell.csv: is empty; the first line must name the columns"),
        (HEAD, "cell.csv: has a head but no clients"),
        (HEAD + "x,1,1,,1\ny,1e6,abc,,1\n", "line 3, column cn0_hz: 'abc': must be a finite number (Hz) > 0"),
        (HEAD + "x,0,1,,1\n", "line 2, column payload_bits: '0': must be a finite number (bit) > 0"),
        (HEAD + "x,nan,1,,1\n", "column payload_bits: 'nan': must be"),
        (HEAD + "x,inf,1,,1\n", "column payload_bits: 'inf': must be"),
        (HEAD + "x,1_000,1,,1\n", "column payload_bits: '1_000': must be"),
        (HEAD + 'x,"1,5",1,,1\n', "'1,5': must be a finite number (bit) > 0; write a decimal point"),
        (HEAD + "x,,1,,1\n", "line 2, column payload_bits: empty; must be a finite number (bit) > 0"),
        (HEAD + "x,1,1,maybe,1\n", "line 2, column available: 'maybe': must be true or false (or yes/no"),
        (HEAD + "x,1,1,,-1\n", "line 2, column task:a: '-1': must be a finite number >= 0"),
        (HEAD + "x,1,1,,1\n\nx,1,1,,1\n", "line 4, column id: 'x': stands at line 2 too; must be unique"),
        (HEAD + ",1,1,,1\n", "line 2, column id: empty; every client needs a name"),
        (HEAD + "x,1,1\n", "line 2: has 3 cells where the head has 5 columns"),
        (HEAD + 'x,"1,1,,1\n', "line 2: not CSV: unexpected end of data"),
        (HEAD + '"a\nb",1,1,,1\ny,1,1\n', "line 4: has 3 cells"),
        ("payload_bit,cn0_hz\n1,1\n", "line 1, column 1: 'payload_bit': unknown column (did you mean 'p"),
        ("payload_bits,cn0_hz,zzz\n1,1,1\n", "'zzz': unknown column; the columns are id, payload_bits"),
        ("payload_bits,cn0_hz,cn0_hz\n1,1,1\n", "line 1, column 3: 'cn0_hz' stands twice"),
        ("payload_bits,cn0_hz,cn0_dbhz\n1,1,1\n", "'cn0_hz' and 'cn0_dbhz' given; give exactly one of"),
        ("payload_bits\n1\n", "line 1: none given; give exactly one of 'cn0_hz', 'cn0_dbhz', 'spectral"),
        ("cn0_hz\n1\n", "line 1: column 'payload_bits' is missing"),
        ("payload_bits,cn0_hz,weight,weights\n1,1,1,1\n", "'weight' and 'weights' are the same column"),
        ("payload_bits,cn0_hz,task:a,task: a\n1,1,1,2\n", "4: 'task: a' is the same task as 'task:a' in column 3;"),
        ("payload_bits,task:a b,cn0_hz, task:  a b \n1,1,1,2\n", "'task:  a b' is the same task as 'task:a b' in col"),
        ("payload_bits,cn0_hz,task:  \n1,1,1\n", "line 1, column 3: 'task:' without a name"),
        ("payload_bits,cn0_hz,task:\n1,1,1\n", "line 1, column 3: 'task:' without a name"),
        ("payload_bits;cn0_hz\n1;1\n", "line 1: one column only; separate the columns by commas"),
        ("payload_bits;cn0_dbhz\n1,5;2,5\n", "by commas, not semicolons, and write decimals with a point"),
        ('\n"payload_bits"\t"cn0_hz"\n1\t1\n', "line 2: one column only; separate the columns by commas, not tabs"),
        ("payload_bits,cn0_hz\n1,5,2\n", "line 2: has 3 cells where the head has 2 columns; write decimals with a p"),
        ("payload_bits,cn0_hz\n1,\xe9\n", "line 2, byte 22: is not UTF-8 text; save it as CSV UTF-8"),
        ("p\0a\0y\0", "cell.csv: is not UTF-8 text (UTF-16, perhaps); save it as CSV UTF-8"),
        ("payload_bits,cn0_dbhz\n1,\n", "line 2, column cn0_dbhz: empty; must be a finite number (dB-Hz)"),
        ("payload_bits,cn0_hz,speech\n1,1,1\n", "'speech': unknown column"),
        ("payload_bits,cn0_hz,speech\n1,1,1\n", "; if it is a task, name it 'task:speech'"),
        ("payload_bits,snr_db\n1,1\n", "'snr_db': unknown column; the channel is cn0_dbhz: an SNR in dB plus 10 "),
        ("payload_bits,C/N0\n1,1\n", "'C/N0': unknown column (did you mean 'cn0_dbhz', in dB-Hz, or 'cn0_hz', in Hz?)"),
        ("payload_bits,cn0_hz,\n1,1,1\n", "line 1, column 3: '': unknown column: it has no name"),
        ("payload_bits,cn0_dbhz\n1,3085\n", "line 2, column cn0_dbhz: '3085': must be a finite number (dB"),
        ("payload_bits,cn0_dbhz\n1,-125\n", "'-125': must be a finite number (dB-Hz), plausible from -50 to 250"),
        ("payload_bits,cn0_dbhz\n1,9999\n", "line 2, column cn0_dbhz: '9999': must be a finite number (dB"),
        ("payload_bits,cn0_hz,mandatory,available\n1,1,yes,no\n", "line 2, column mandatory: true where"),
        ("payload_bits,cn0_hz,min_bandwidth_hz,max_bandwidth_hz\n1,1,3,2\n", "line 2, column min_b"),
        ("payload_bits,cn0_hz\n1,1\n1,1e31\n", "line 3, column cn0_hz: 1e+31: "),
        ("payload_bits,cn0_hz,task:a,task:b\n1,1,1,1\n\n1,1,1,1e31\n", "line 4, column task:b: 1e+31: "),
        ("payload_bits,cn0_hz\n1,\xff\n", "line 2, byte"),
    ],
)  # fmt: skip
def test_errors_name_file_line_column_value_and_what_is_accepted(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(fo.FileFormatError) as caught:
        tables.load_table("cell.csv", bandwidth_hz=1e6, require=["0.5"])
    assert str(caught.value).startswith("cell.csv: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_columns_that_are_listed_are_those_of_the_documentation():
    with pytest.raises(fo.FileFormatError) as caught:
        parse("payload_bits,cn0_hz,zzz\n1,1,1\n", ())
    page = Path(__file__).parents[1].joinpath("docs", "reference", "file-format.md").read_text()
    table = page.partition("## Problem (CSV)")[2].partition("What a table cannot say")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = [name for cell in first_cells for name in re.findall("`(.+?)`", cell)]
    assert f"the columns are {', '.join(documented)};" in str(caught.value)
    assert set(documented) == {"id", "task:NAME", *table_text.COLUMNS} - {"weights"}


def test_a_cell_in_decibels_may_be_negative_and_is_refused_in_its_own_unit():
    assert parse("payload_bits,cn0_dbhz\n1,-10\n", ()).cn0_hz.tolist() == [0.1]
    with pytest.raises(fo.FileFormatError) as caught:
        parse("payload_bits,cn0_dbhz\n1,\n", ())
    assert str(caught.value).endswith("must be a finite number (dB-Hz), plausible from -50 to 250")


@given(st.lists(st.sampled_from(["a", " a", "a ", "A", "b", "\u00a0a", "a b", "a  b"]), min_size=1, max_size=4))
def test_no_column_of_a_task_takes_another_one_s_place(names):
    text = f"payload_bits,cn0_hz,{','.join('task:' + name for name in names)}\n1,1,{','.join('1234'[: len(names)])}\n"
    different = [name.strip() for name in names]
    if len(set(different)) < len(names):
        with pytest.raises(fo.FileFormatError, match="must be unique"):
            parse(text)
    else:
        problem = parse(text)
        assert list(problem.task_ids) == different
        assert problem.relevance[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0][: len(names)]


def test_equal_limits_leave_one_bandwidth():
    problem = parse("payload_bits,cn0_hz,min_bandwidth_hz,max_bandwidth_hz\n1,1,2,2\n", ())
    assert (problem.min_bandwidth_hz.tolist(), problem.max_bandwidth_hz.tolist()) == ([2.0], [2.0])


@pytest.mark.parametrize("require", ["0.3", "all=0.3"])
def test_a_requirement_without_a_task_is_refused(require):
    with pytest.raises(fo.FileFormatError) as caught:
        parse("payload_bits,cn0_hz\n1,1\n", (require,))
    assert f"requirement '{require}': there are no task columns; a column 'task:all' with 1 in" in str(caught.value)


@given(st.text(alphabet=',"\n\r;ab1-. é\0', max_size=60))
def test_any_text_is_a_table_or_refused_in_one_line(text):
    refused = ""
    try:
        parse("payload_bits,cn0_hz\n1,1\n" + text)
    except fo.FedssOptError as error:
        refused = str(error)
    assert "\n" not in refused


@given(st.lists(st.tuples(st.floats(1e-30, 1e30), st.floats(1e-30, 1e30), st.booleans()), min_size=1, max_size=4))
def test_numbers_are_read_exactly(rows):
    text = "payload_bits,cn0_hz,available\n" + "".join(f"{p!r},{g!r},{str(a).lower()}\n" for p, g, a in rows)
    problem = parse(text, ())
    found = zip(problem.payload_bits.tolist(), problem.cn0_hz.tolist(), problem.available.tolist(), strict=True)
    assert list(found) == rows


# -- quantities ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hertz"),
    [
        ("20MHz", 20e6), ("180 kHz", 180e3), ("2e7", 2e7), ("20e6Hz", 20e6), (" 1.5 GHz ", 1.5e9),
        (".5mhz", 5e5), ("5.", 5.0), ("20", 20.0),
        ("3 KHz", 3e3), ("3khz", 3e3), ("1Mhz", 1e6), ("1 GHZ", 1e9), ("7 hz", 7.0),
    ],
)  # fmt: skip
def test_bandwidths(text, hertz):
    assert parse_bandwidth(text) == hertz


@pytest.mark.parametrize("text", ["", "x", "0", "-1MHz", "1e999", "nan", "inf", "1_0Hz"])
def test_other_bandwidths_are_refused(text):
    with pytest.raises(fo.OptionError, match="must be > 0, such as 20MHz"):
        parse_bandwidth(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8MB", "bandwidth = '8MB': 'MB' is no unit of it; use Hz, kHz, MHz or GHz, such as 20MHz"),
        ("20 Mbit/s", "'Mbit/s' is no unit"),
        ("1 M Hz", "'M Hz' is no unit"),
        ("8M", "'M' is no unit"),
        ("1mHz", "bandwidth = '1mHz': 'mHz' is millihertz; for megahertz write MHz, as in 20MHz"),
        ("1 mHZ", "'mHZ' is millihertz"),
        ("1,4MHz", "bandwidth = '1,4MHz': write decimals with a point"),
    ],
)
def test_a_bandwidth_in_another_unit_or_notation_is_told_so(text, message):
    with pytest.raises(fo.OptionError) as caught:
        parse_bandwidth(text)
    assert message in str(caught.value)


def test_requirements():
    assert required_amounts(["b=2abs", "0.5"], ["a", "b"], [10.0, 20.0]) == [5.0, 2.0]
    assert required_amounts(["a=30%", "b=1"], ["a", "b"], [10.0, 20.0]) == [3.0, 20.0]
    assert parse_requirement("x=y=0.5").task == "x=y"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a"], "requirement 'a': must be NAME=0.3"),
        (["=1"], "requirement '=1': must be NAME=0.3"),
        (["a=x"], "must be NAME=0.3"),
        (["a=1.5"], "must be within 0 and 1; for units of relevance write 1.5abs"),
        (["a=-1abs"], "must be finite and >= 0"),
        (["c=0.5"], "no such task; the tasks are: 'a', 'b'"),
        (["a=0.5", "a=0.6"], "a given twice"),
        (["0.5", "0.6"], "all tasks given twice"),
        (["a=0.5"], "task 'b' has no requirement: give b=0.3 (a fraction), or 0.3 for all tasks"),
    ],
)
def test_other_requirements_are_refused(texts, message):
    with pytest.raises(fo.OptionError) as caught:
        required_amounts(texts, ["a", "b"], [10.0, 20.0])
    assert message in str(caught.value)


def test_requirements_replace_those_of_a_problem():
    problem = parse(CELL)
    assert with_requirements(problem, ["speech=1abs"]).required.tolist() == [1.0, 0.125]
    assert with_requirements(problem, ["speech=1abs", "1"]).required.tolist() == [1.0, 0.25]
    with pytest.raises(fo.ProblemError, match="without tasks"):
        with_requirements(fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0), ["0.3"])


def test_quantities_for_people():
    assert [format_quantity(x, "s") for x in (0.0, 0.9999, 0.99996, 59.99, 1234.5, 1e-12)] == [
        "0 s", "1 s", "1 s", "60 s", "1,230 s", "0.001 ns",
    ]  # fmt: skip
    assert format_quantity(math.nan, "Hz") == "none"
    assert scale_for([], "s").unit == "s"
    assert scale_for([0.0124, 0.5], "s").format(0.0124) == "12"
    assert scale_for([0.0124], "s").format(math.inf) == "-"


# -- answers ------------------------------------------------------------------------------------------------


def test_an_answer_becomes_a_table(tmp_path):
    problem = parse(CELL)
    solution = by_hand.answer(problem)
    path = tmp_path / "answer.csv"
    tables.save_answer(problem, solution, path)
    rows = list(csv.DictReader(io.StringIO(path.read_text(), newline="")))
    assert tuple(rows[0]) == tables.ANSWER_COLUMNS
    assert [row["id"] for row in rows] == list(problem.client_ids)
    assert [row["selected"] for row in rows] == ["true", "true", "false"]
    assert [float(row["bandwidth_hz"]) for row in rows] == solution.bandwidth_hz.tolist()
    assert rows[2]["rate_bps"] == rows[2]["upload_s"] == rows[2]["finish_s"] == ""
    assert max(float(row["finish_s"]) for row in rows[:2]) == solution.latency_s


def test_no_answer_is_no_table(tmp_path):
    problem = parse(CELL)
    with pytest.raises(fo.FileFormatError, match="no answer to write as a table: infeasible"):
        tables.save_answer(problem, by_hand.uncovered(problem, 0), tmp_path / "answer.csv")
    assert list(tmp_path.iterdir()) == []


def test_no_id_of_an_answer_is_a_formula(tmp_path):
    names = ["=1+1", "+1", "-1", "@sum", "\tx", "phone"]
    problem = fo.Problem(payload_bits=[1e6] * 6, cn0_hz=3e7, bandwidth_hz=1e6, client_ids=names)
    tables.save_answer(problem, by_hand.answer(problem), tmp_path / "answer.csv")
    with open(tmp_path / "answer.csv", newline="") as stream:
        found = [row["id"] for row in csv.DictReader(stream)]
    assert found == ["'=1+1", "'+1", "'-1", "'@sum", "'\tx", "phone"]
