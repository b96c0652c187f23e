"""Whatever a caller hands in: a clean array, or one clear error that names field, place, value and remedy."""

from __future__ import annotations

import array
import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedss_opt import ProblemError
from fedss_opt.fields import LARGEST, SMALLEST, Domain
from fedss_opt.validation import (
    boolean_vector,
    bounded_scalar,
    checked_vector,
    identifiers,
    infer_length,
    matrix,
    selection,
    vector,
)

HERTZ = Domain(unit="Hz", positive=True)


class ArrayLike:
    """A foreign container that only knows how to become an array, as data frames and tensors do."""

    def __init__(self, values: object) -> None:
        self.values = values

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.asarray(self.values, dtype=dtype)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


TWO = [1.5, 2.5]
SAME = {
    "list": TWO,
    "tuple": tuple(TWO),
    "float64": np.array(TWO),
    "float32": np.array(TWO, dtype=np.float32),
    "float16": np.array(TWO, dtype=np.float16),
    "long double": np.array(TWO, dtype=np.longdouble),
    "big-endian": np.array(TWO, dtype=">f8"),
    "object": np.array(TWO, dtype=object),
    "strided": np.array([1.5, 0.0, 2.5, 0.0])[::2],
    "reversed": np.array(TWO[::-1])[::-1],
    "read-only": np.frombuffer(np.array(TWO).tobytes()),
    "NumPy scalars": [np.float32(1.5), np.float64(2.5)],
    "0-d arrays": [np.array(1.5), np.array(2.5)],
    "array.array": array.array("d", TWO),
    "memoryview": memoryview(array.array("d", TWO)),
    "array-like": ArrayLike(TWO),
    "unmasked": np.ma.array(TWO, mask=[False, False]),
}


@pytest.mark.parametrize("value", SAME.values(), ids=SAME.keys())
def test_every_form_of_the_same_numbers_is_the_same_vector(value: object) -> None:
    result = vector("x", value, 2)
    assert type(result) is np.ndarray
    assert result.dtype == np.float64
    assert result.dtype.isnative
    assert result.flags.c_contiguous
    assert not result.flags.writeable
    assert result.tolist() == TWO


@pytest.mark.parametrize(
    "value",
    [range(1, 3), [1, 2], np.array([1, 2], dtype=np.int8), np.array([1, 2], dtype=np.uint64), [1, 2.0]],
)
def test_integers_become_floats(value: object) -> None:
    assert vector("x", value, 2).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.int16(3), np.array(3.0), np.array(3, dtype=object)])
def test_scalars_stand_for_all(value: object) -> None:
    assert vector("x", value, 4).tolist() == [3.0] * 4
    assert matrix("x", value, 2, 2).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert bounded_scalar("x", value, HERTZ) == 3.0
    assert type(bounded_scalar("x", value, HERTZ)) is float


def test_big_integers_are_taken_while_doubles_hold_them() -> None:
    assert vector("x", [2**70, 1], 2).tolist() == [2.0**70, 1.0]
    assert vector("x", np.array([2**63], dtype=np.uint64), 1).tolist() == [2.0**63]


NOT_NUMBERS = {
    "string of digits": (["1", "2"], "x[0] = '1': not a number"),
    "NumPy strings": (np.array(["1", "2"]), "x[0] = '1': not a number"),
    "string": ("12", "x = '12': not a number"),
    "bytes": (b"12", "x = b'12': not a number"),
    "boolean": (True, "x = True: not a number"),
    "NumPy boolean": (np.True_, "x = True: not a number"),
    "booleans": ([True, False], "x[0] = True: not a number"),
    "boolean array": (np.array([True, False]), "x[0] = True: not a number"),
    "boolean among numbers": ([1.0, True], "x[1] = True: not a number"),
    "NumPy boolean among numbers": ((1.0, np.False_), "x[1] = False: not a number"),
    "complex": ([1.0, 1j], "x[1] = 1j: not a number"),
    "complex scalar": (1j, "x = 1j: not a number"),
    "Decimal": ([Decimal(1), Decimal(2)], "x[0] = Decimal('1'): not a number"),
    "Fraction": ([1.0, Fraction(1, 2)], "x[1] = Fraction(1, 2): not a number"),
    "None inside": ([1.0, None], "x[1] = None: not a number"),
    "None": (None, "x = None: not a number"),
    "set": ({1, 2}, "x = {1, 2}: not a number"),
    "mapping": ({1: 2}, "x = {1: 2}: not a number"),
    "dates": (np.array(["2020", "2021"], dtype="M8[Y]"), "x[0] = datetime.date(2020, 1, 1): not a number"),
    "durations": (np.array([1, 2], dtype="m8[s]"), "x[0] = datetime.timedelta(seconds=1): not a number"),
    "records": (np.zeros(2, dtype=[("a", float)]), "x[0] = (0.0,): not a number"),
    "function": (len, "x = <built-in function len>: not a number"),
    "unprintable": ([1.0, Unprintable()], "x[1] = <Unprintable>: not a number"),
}


@pytest.mark.parametrize(("value", "message"), NOT_NUMBERS.values(), ids=NOT_NUMBERS.keys())
def test_what_is_not_a_number_is_named(value: object, message: str) -> None:
    for check in (lambda: vector("x", value, 2, unit="s"), lambda: matrix("x", value, 1, 2)):
        with pytest.raises(ProblemError, match=re.escape(message)) as caught:
            check()
        assert "must be a finite number" in str(caught.value)


def test_generators_are_not_consumed_silently() -> None:
    with pytest.raises(ProblemError, match=r"x = <generator .*>: not a number"):
        vector("x", (v for v in TWO), 2)


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(ProblemError, match="beyond double precision") as caught:
        vector("x", [1, 10**400], 2)
    assert str(caught.value).startswith("x[1] = 1000")
    assert len(str(caught.value)) < 160
    with pytest.raises(ProblemError, match=r"x = <int>: beyond double precision"):
        vector("x", 10**5000, 2)  # Python refuses to print it
    with pytest.raises(ProblemError, match="not a number") as caught:
        vector("x", ["y" * 1000, 1.0], 2)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("value", "place"),
    [([1.0, math.nan], "x[1] = nan"), (math.nan, "x = nan"), (-1, "x = -1.0"), ([-2.0, 1], "x[0]")],
)
def test_nan_and_wrong_signs_are_named(value: object, place: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(place)):
        vector("x", value, 2)


@pytest.mark.parametrize(
    ("positive", "infinite", "unit", "accepted"),
    [
        (True, False, "Hz", "must be a finite number (Hz) > 0"),
        (False, False, "s", "must be a finite number (s) >= 0"),
        (True, True, "s", "must be a number (s) > 0, or inf"),
        (False, False, "", "must be a finite number >= 0"),
    ],
)
def test_messages_say_what_is_accepted(positive: bool, infinite: bool, unit: str, accepted: str) -> None:
    with pytest.raises(ProblemError) as caught:
        vector("x", [1.0, -1.0], 2, positive=positive, infinite=infinite, unit=unit)
    assert str(caught.value) == f"x[1] = -1.0: {accepted}"


@pytest.mark.parametrize("value", [0.0, -0.0, [1.0, 0.0], [1.0, -0.0], 0, np.float32(0)])
def test_zero_is_no_positive_number(value: object) -> None:
    with pytest.raises(ProblemError, match="> 0"):
        vector("x", value, 2, positive=True)
    assert vector("x", value, 2)[1] == 0.0


def test_negative_zero_is_cleaned() -> None:
    """1 / -0.0 is -inf: nothing behind the validation has to think of that."""
    for result in (vector("x", -0.0, 2), vector("x", [-0.0, 1.0], 2), matrix("x", [[-0.0, 0.0]], 1, 2)):
        assert not np.signbit(result).any()


def test_infinity_where_it_means_none() -> None:
    assert vector("x", math.inf, 2, positive=True, infinite=True).tolist() == [math.inf, math.inf]
    assert vector("x", [1.0, math.inf], 2, positive=True, infinite=True)[1] == math.inf
    for value in (math.inf, [1.0, math.inf], np.array([1.0, np.inf], dtype=np.float32)):
        with pytest.raises(ProblemError, match=r"= inf: must be a finite number > 0"):
            vector("x", value, 2, positive=True)
    with pytest.raises(ProblemError, match=r"= -inf: must be a number > 0, or inf"):
        vector("x", -math.inf, 2, positive=True, infinite=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="long double is double here")
def test_long_doubles_beyond_double_are_infinite_without_a_warning() -> None:
    with pytest.raises(ProblemError, match=re.escape("x[0] = inf")):
        vector("x", np.array([np.longdouble(1e308) * 10, 1]), 2)


@pytest.mark.parametrize("value", [5e-324, 1e-300, math.nextafter(SMALLEST, 0.0), math.nextafter(LARGEST, math.inf)])
def test_positive_numbers_beyond_what_kernels_can_carry_are_refused(value: float) -> None:
    for infinite, rest in ((False, "1e-30 to 1e+30 Hz"), (True, "1e-30 to 1e+30 Hz, or inf")):
        for given_, place in (([1.0, value], "x[1]"), (value, "x"), ([value, math.inf], "x[0]")):
            if not infinite and given_ != value and math.inf in given_:
                continue
            with pytest.raises(ProblemError) as caught:
                vector("x", given_, 2, positive=True, infinite=infinite, unit="Hz")
            assert str(caught.value) == f"{place} = {value}: out of range; must be {rest}"


def test_the_ends_of_the_range_are_accepted() -> None:
    ends = [SMALLEST, LARGEST]
    assert vector("x", ends, 2, positive=True).tolist() == ends
    assert vector("x", [*ends, math.inf], 3, positive=True, infinite=True).tolist() == [*ends, math.inf]
    assert vector("x", [0.0, 5e-324, LARGEST], 3).tolist() == [
        0.0,
        5e-324,
        LARGEST,
    ]  # added, never divided by
    with pytest.raises(ProblemError, match=re.escape("x[0, 1] = 1e+31: out of range; must be 0 to 1e+30")):
        matrix("x", [[1.0, 1e31]], 1, 2)


def test_faint_requirements_are_refused() -> None:
    divided_by = Domain(divided_by=True)
    assert checked_vector("x", [0.0, SMALLEST, 1.0], 3, divided_by).tolist() == [0.0, SMALLEST, 1.0]
    assert checked_vector("x", [], 0, divided_by).size == 0
    with pytest.raises(ProblemError, match=re.escape("x[1] = 1e-31: out of range; must be 0, or 1e-30 to 1e+30")):
        checked_vector("x", np.array([0.0, 1e-31]), 2, divided_by)


def test_masked_entries_are_refused() -> None:
    masked = np.ma.array([[1.0, 2.0]], mask=[[False, True]])
    with pytest.raises(ProblemError, match=re.escape("x[0, 1]: is masked; every entry must be given")):
        matrix("x", masked, 1, 2)
    with pytest.raises(ProblemError, match=re.escape("x[1]: is masked")):
        boolean_vector("x", np.ma.array([True, False], mask=[False, True]), 2)


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], [1.0, [2.0]], [[1.0, 2.0], 3.0]])
def test_ragged_data_are_refused(value: object) -> None:
    for check in (
        lambda: vector("x", value, 2),
        lambda: matrix("x", value, 2, 2),
        lambda: boolean_vector("x", value, 2),
        lambda: bounded_scalar("x", value, HERTZ),
        lambda: infer_length({"x": value}, None, None),
    ):
        with pytest.raises(ProblemError, match="x: its rows differ in length"):
            check()


def test_shapes_are_named() -> None:
    with pytest.raises(ProblemError, match=re.escape("x: has shape (3,); give shape (2,) or a scalar")):
        vector("x", [1.0, 2.0, 3.0], 2)
    with pytest.raises(ProblemError, match=re.escape("x: has shape (1, 2); give shape (2,) or a scalar")):
        vector("x", [[1.0, 2.0]], 2)
    with pytest.raises(ProblemError, match=re.escape("x: has shape (2,); give a single number")):
        bounded_scalar("x", TWO, HERTZ)
    for value in ([1.0, 2.0, 3.0], [[1.0], [2.0]], np.zeros((1, 2, 1))):
        shape = re.escape(f"x: has shape {np.shape(value)}; give (1, 2): one row a task, one column a client")
        with pytest.raises(ProblemError, match=shape):
            matrix("x", value, 1, 2)
    with pytest.raises(ProblemError, match=re.escape("x: has shape (2,); give (2, 2)")):
        matrix("x", TWO, 2, 2)
    with pytest.raises(ProblemError, match=re.escape("x: has shape (3,); give shape (2,) or a scalar")):
        boolean_vector("x", [True] * 3, 2)


@given(
    values=hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.dtype(">f8"), np.int32, np.uint8]),
        st.tuples(st.integers(0, 4), st.integers(0, 4)),
        elements=st.integers(0, 100),
    ),
    order=st.sampled_from("CF"),
)
def test_matrices_are_copied_clean(values: np.ndarray, order: str) -> None:
    given_ = np.array(values, order=order)
    result = matrix("x", given_, *values.shape)
    assert result.flags.c_contiguous
    assert not result.flags.writeable
    assert not np.shares_memory(result, given_)
    np.testing.assert_array_equal(result, values)


@given(values=st.lists(st.floats(allow_nan=True), min_size=1, max_size=6), positive=..., infinite=...)
def test_the_first_offender_is_the_one_named(values: list[float], positive: bool, infinite: bool) -> None:
    def good(v: float) -> bool:
        return (v > 0 or (v == 0 and not positive)) and (infinite or v != math.inf)

    def in_range(v: float) -> bool:
        return v == math.inf or (SMALLEST if positive else 0.0) <= v <= LARGEST

    bad = [i for i, v in enumerate(values) if not good(v)]
    out = [i for i, v in enumerate(values) if not in_range(v)]
    if out and not bad:
        with pytest.raises(ProblemError, match=re.escape(f"x[{out[0]}] = {values[out[0]]}: out of range")):
            vector("x", values, len(values), positive=positive, infinite=infinite)
        return
    if not bad:
        result = vector("x", values, len(values), positive=positive, infinite=infinite)
        assert result.tolist() == values
        return
    with pytest.raises(ProblemError, match=re.escape(f"x[{bad[0]}] = {values[bad[0]]}: must be")):
        vector("x", values, len(values), positive=positive, infinite=infinite)


# -- booleans --


@pytest.mark.parametrize(
    "value",
    [
        [True, False],
        (1, 0),
        [1.0, 0.0],
        np.array([True, False]),
        np.array([1, 0], dtype=np.uint8),
        np.array([True, False], dtype=object),
        [np.True_, np.False_],
        np.array([True, True, False])[::2],
        ArrayLike([True, False]),
    ],
)
def test_booleans_and_zero_one_count(value: object) -> None:
    result = boolean_vector("x", value, 2)
    assert result.dtype == np.bool_
    assert not result.flags.writeable
    assert result.tolist() == [True, False]


@pytest.mark.parametrize("value", [True, 1, 1.0, np.True_, np.array(True)])
def test_a_boolean_stands_for_all(value: object) -> None:
    assert boolean_vector("x", value, 3).tolist() == [True] * 3


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([0, 2], "x[1] = "),
        (2, "x = "),
        ([True, math.nan], "x[1] = "),
        (["True", "False"], "x[0] = 'True'"),
        ("yes", "x = 'yes'"),
        ([None, True], "x[0] = None"),
        (None, "x = None"),
        ([1j, 0], "x[0] = "),
        ({True}, "x = {True}"),
        ([0.5, 1.0], "x[0] = "),
    ],
)
def test_what_is_no_boolean_is_named(value: object, place: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(place) + ".*must be true or false"):
        boolean_vector("x", value, 2)


def test_booleans_are_copied() -> None:
    given_ = np.array([True, False])
    assert not np.shares_memory(boolean_vector("x", given_, 2), given_)


def test_selections_are_masks_never_indices() -> None:
    mask = np.array([True, False, True])
    assert selection(mask, 3) is mask
    assert selection([1, 0, 1], 3).tolist() == mask.tolist()
    with pytest.raises(ProblemError, match=re.escape("selected[1] = ")):
        selection([0, 2], 3)
    with pytest.raises(ProblemError, match=re.escape("selected: has shape (2,); give shape (3,)")):
        selection([0, 1], 3)


# -- how many clients --


def test_the_number_of_clients_comes_from_the_first_array() -> None:
    assert infer_length({"a": 1.0, "b": None}, None, None) == 1
    assert infer_length({"a": 1.0, "b": [1, 2, 3]}, None, None) == 3
    assert infer_length({"a": np.array(1.0)}, [[1, 2], [3, 4], [5, 6]], None) == 2
    assert infer_length({"a": 1.0}, [1, 2, 3, 4], None) == 4
    assert infer_length({"a": 1.0}, 1.0, ["p", "q"]) == 2
    assert infer_length({"a": []}, None, None) == 0


def test_disagreeing_lengths_name_both_fields() -> None:
    with pytest.raises(ProblemError, match=r"^b: has 2 clients where a has 3; they must agree$"):
        infer_length({"a": [1, 2, 3], "b": [1, 2]}, None, None)
    with pytest.raises(ProblemError, match="relevance: has 2 clients where a has 3"):
        infer_length({"a": [1, 2, 3]}, [[1, 2]], None)
    with pytest.raises(ProblemError, match="client_ids: has 1 clients where relevance has 2"):
        infer_length({"a": 1.0}, [[1, 2]], ["p"])
    with pytest.raises(ProblemError, match=re.escape("a: has shape (1, 2); give one value per client")):
        infer_length({"a": [[1, 2]]}, None, None)
    with pytest.raises(ProblemError, match=re.escape("relevance: has shape (1, 1, 2); give (K, N)")):
        infer_length({}, [[[1, 2]]], None)


# -- names --


def test_names_become_a_tuple_of_plain_strings() -> None:
    for value in (["p", "q"], ("p", "q"), np.array(["p", "q"])):
        result = identifiers("ids", value, 2, "clients")
        assert result == ("p", "q")
        assert all(type(name) is str for name in result)
    assert identifiers("ids", None, 2, "clients") is None
    assert identifiers("ids", [], 0, "clients") == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("pq", "ids = 'pq': not a list of strings; give a list of strings"),
        (b"pq", "ids = b'pq': not a list of strings"),
        ({"p", "q"}, ": not a list of strings; give"),  # a set has no order
        ({"p": 1, "q": 2}, ": not a list of strings; give"),
        (7, "ids = 7: not a list of strings"),
        (iter(["p", "q"]), ": not a list of strings; give"),
        (["p", 2], "ids[1] = 2: not a string"),
        (["p", None], "ids[1] = None: not a string"),
        (["p"], "ids: has 1 names for 2 clients; they must agree"),
        (["p", "p"], "ids[1] = 'p': stands twice; names must be unique"),
    ],
)
def test_names_that_do_not_do(value: object, message: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(message)):
        identifiers("ids", value, 2, "clients")


def test_many_names_of_which_two_are_alike_are_refused_in_one_pass():
    """Comparing each with all before it would take minutes for as many clients as a server accepts."""
    names = [f"client-{i}" for i in range(200_000)]
    with pytest.raises(ProblemError, match="'client-7': stands twice"):
        identifiers("client_ids", [*names, "client-7"], len(names) + 1, "clients")
