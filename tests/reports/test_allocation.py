"""The page of an allocation: its figures are those of the answer, for every kind of answer, in bounded size."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import Problem, Solution
from fedss_opt.exceptions import FileFormatError
from fedss_opt.reports import write_allocation_report
from fedss_opt.reports.allocation import allocation_page
from fedss_opt.reports.clients import MOST_ROWS, kept_clients, needed_hz
from fedss_opt.reports.page import render_page
from fedss_opt.reports.page_parts import Chart
from fedss_opt.reports.reasons import STATES, Reason, State, prices_of
from fedss_opt.reports.tasks import tasks_of
from fedss_opt.reports.words import cards_of, headline_of

from .. import by_hand
from .reading import Reading

altair = pytest.importorskip("altair")
pytest.importorskip("vl_convert")
pytestmark = pytest.mark.usefixtures("warm")


def _cell(clients: int = 40, tasks: int = 3, **changes: object) -> Problem:
    problem = fo.scenarios.make(
        "yang2021",
        n_clients=clients,
        n_tasks=tasks,
        seed=0,
        required_fraction=0.3,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=40e6,
    )
    return problem.replace(**changes) if changes else problem


def _read(problem: Problem, solution: Solution, **options: object) -> Reading:
    return Reading(render_page(allocation_page(problem, solution, **options)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def solved() -> tuple[Problem, Solution, Reading]:
    problem = _cell()
    history: list[fo.Progress] = []
    solution = fo.solve(problem, callback=history.append)
    return problem, solution, _read(problem, solution, history=history)


# -- what it says is what was found --


def test_the_table_is_the_answer(solved):
    problem, solution, page = solved
    values = page.data("data-clients")["values"]
    chosen = np.array([state == State.SELECTED for state in values["state"]])
    assert np.array_equal(chosen, solution.selected)
    bandwidth = np.array([b or 0.0 for b in values["bandwidth"]])
    # Seven digits are kept of each figure.
    assert bandwidth == pytest.approx(solution.bandwidth_hz, rel=1e-6)
    finish = problem.compute_s + problem.upload_s(solution.bandwidth_hz)
    assert [f for f in values["finish"] if f is not None] == pytest.approx(finish[chosen], rel=1e-6)
    assert solution.certificate is not None
    reduced = [math.inf if r == "inf" else r for r in values["reduced"]]
    expected = solution.certificate.reduced_costs(problem)
    # A reduced cost is a difference: its digits are those of what it is a difference of.
    assert reduced == pytest.approx(expected, rel=1e-6, abs=1e-9 * problem.bandwidth_hz)


def test_every_chart_is_what_vega_lite_takes():
    """A page does not hold its charts against the schema; the page's own configuration aside."""
    problem = _cell(clients=20)
    steps = [
        fo.Progress(iteration=i, elapsed_s=i, objective_s=2.0 + 1.0 / i, lower_bound_s=1.0 - 1.0 / i) for i in (1, 2)
    ]
    page = allocation_page(problem, fo.solve(problem), history=steps)
    assert {chart.id for chart in page.charts} == {"clients", "timeline", "tasks", "bounds", "reduced"}
    specs = [{name: part for name, part in chart.spec.items() if name != "config"} for chart in page.charts]
    for spec in specs:
        altair.Chart.from_dict(spec)
    with pytest.raises(jsonschema.ValidationError):
        altair.Chart.from_dict(specs[0] | {"height": "tall"})


def test_what_those_left_out_would_need(solved):
    problem, solution, page = solved
    needed = page.data("data-clients")["values"]["needed"]
    for n in np.flatnonzero(~solution.selected):
        if needed[n] == "inf":
            widest = problem.compute_s[n] + problem.upload_s(problem.bandwidth_hz)[n]
            assert widest > solution.latency_s
        else:
            end = problem.compute_s[n] + problem.upload_s(needed[n])[n]
            assert end == pytest.approx(solution.latency_s, rel=1e-5)


def test_headline_and_cards_are_the_answers(solved):
    problem, solution, page = solved
    chosen = int(solution.selected.sum())
    assert f"{chosen} of {problem.n_clients} clients upload" in page.text
    assert fo.quantities.format_quantity(solution.lower_bound_s, "s", 4, padded=True) in page.text
    assert fo.quantities.format_gap(solution.gap) in page.text
    for card in ("clients", "bandwidth", "makespan", "bound", "gap", "method"):
        assert page.has(f"card-{card}")
    assert not page.has("broken")


def test_every_chart_has_its_place_and_words(solved):
    _, _, page = solved
    charts = {chart["id"] for chart in page.data("chart-data")}
    assert charts == {"clients", "timeline", "tasks", "bounds", "reduced"}
    labels = {a["data-chart"]: a["aria-label"] for _, a in page.elements if "data-chart" in a}
    assert set(labels) == charts
    assert all(labels.values())


def test_downloads_are_the_documents(solved):
    problem, solution, page = solved
    files = {file["id"]: file for file in page.data("download-data")}
    assert Problem.from_dict(json.loads(files["problem-json"]["text"])) == problem
    again = fo.documents.solution_from_dict(json.loads(files["answer-json"]["text"]), problem)
    assert np.array_equal(again.bandwidth_hz, solution.bandwidth_hz)
    assert fo.check(problem, again).ok


def test_contributions_are_the_relevance(solved):
    problem, _, page = solved
    (listed,) = page.data("data-clients")["lists"]
    assert np.array(listed["values"]) == pytest.approx(problem.relevance.T, rel=1e-6)


# -- every kind of answer --


def test_bounds_are_drawn_where_there_is_a_history():
    problem = _cell()
    charts = {chart.id for chart in allocation_page(problem, fo.solve(problem)).charts}
    assert "bounds" not in charts


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "total"},
        {"resource_block_hz": 180e3},
        {"cn0_hz": None, "spectral_efficiency": np.linspace(0.5, 6.0, 40)},
        {"mandatory": np.arange(40) < 3, "available": np.arange(40) < 35},
        {"max_upload_s": 2.0},
        {"weights": np.linspace(0.5, 2.0, 40), "objective": "total"},
        {"client_ids": None, "task_ids": None},
    ],
    ids=["total", "blocks", "flat", "limits", "caps", "weights", "unnamed"],
)
def test_every_kind_of_problem_has_a_page(changes):
    problem = _cell(**changes)
    solution = fo.solve(problem)
    assert solution.has_answer
    page = _read(problem, solution)
    table = page.data("data-clients")
    keys = {column["key"] for column in table["columns"]}
    assert ("blocks" in keys) == (problem.resource_block_hz is not None)
    assert ("cap" in keys) == bool(np.isfinite(problem.max_upload_s).any())
    assert ("weight" in keys) == (len(set(problem.weights.tolist())) > 1)
    csv = {column["key"]: column["csv"] for column in table["columns"]}
    assert csv["channel"] == ("cn0_dbhz" if problem.cn0_hz is not None else "spectral_efficiency")
    assert csv["reduced"] == ("reduced_cost_s" if problem.objective is fo.Objective.TOTAL else "reduced_cost_hz")
    if problem.resource_block_hz is not None:
        blocks = sum(b or 0 for b in table["values"]["blocks"])
        assert f"{blocks:,} of {problem.resource_blocks:,} blocks of 180 kHz" in page.text
    assert not page.has("broken")
    assert page.has("card-objective") == (problem.objective is fo.Objective.TOTAL)


@pytest.mark.parametrize("method", ["greedy", "all", "random"])
def test_policies_are_shown_without_prices(method):
    problem = _cell()
    solution = fo.solve(problem, method)
    page = _read(problem, solution)
    assert "no certificate" in page.text
    assert "the method claims none" in page.text
    assert "reduced" not in {chart["id"] for chart in page.data("chart-data")}
    reasons = set(page.data("data-clients")["values"]["why"])
    assert reasons <= {Reason.UNEXPLAINED_IN, Reason.UNEXPLAINED_OUT}


def test_the_exact_method_says_where_its_prices_come_from():
    problem = _cell()
    solution = fo.solve(problem, "exact")
    assert solution.status is fo.Status.OPTIMAL
    assert "where the search began" in _read(problem, solution).text


def test_infeasible_says_which_task_lacks_what():
    problem = _cell()
    problem = problem.replace(required=problem.required * np.array([5.0, 1.0, 1.0]))
    solution = fo.solve(problem)
    assert solution.status is fo.Status.INFEASIBLE
    page = _read(problem, solution)
    assert "Infeasible: no selection" in page.text
    assert problem.task_name(0) in page.text
    assert [a["data-task"] for _, a in page.elements if a.get("class") == "short"] == ["0"]
    assert {chart["id"] for chart in page.data("chart-data")} == {"tasks"}
    states = set(page.data("data-clients")["values"]["state"])
    assert states == {State.UNDECIDED}


def test_infeasible_by_bandwidth_and_unknown_have_a_page():
    narrow = _cell(max_upload_s=0.05)
    solution = fo.solve(narrow)
    assert solution.status is fo.Status.INFEASIBLE
    assert "needs more than bandwidth_hz" in _read(narrow, solution).text
    unknown = by_hand.uncovered(narrow, 0)
    unknown = replace(unknown, status=fo.Status.UNKNOWN, certificate=None, lower_bound_s=math.nan)
    assert "Unknown: no answer was found" in _read(narrow, unknown).text


@pytest.mark.parametrize("clients", [0, 1])
@pytest.mark.parametrize("mandatory", [False, True])
def test_the_smallest_cells(clients, mandatory):
    problem = Problem(
        payload_bits=np.full(clients, 1e6), cn0_hz=np.full(clients, 1e7), bandwidth_hz=1e6, mandatory=mandatory
    )
    page = _read(problem, fo.solve(problem))
    uploads = clients == 1 and mandatory
    assert ("1 of 1 client uploads. It is client 0, which ends at" if uploads else "nobody has to upload") in page.text
    assert not page.has("tasks")


def test_a_false_claim_is_shown():
    problem = _cell()
    solution = fo.solve(problem)
    flattered = replace(solution, latency_s=0.5 * solution.latency_s)
    page = _read(problem, flattered)
    assert "Not to be trusted: " in page.text
    assert page.attributes("headline")["class"] == "bad"
    assert "nothing is below" not in page.text.lower()
    assert page.has("broken")
    assert "does not hold: latency" in page.text


def test_the_answer_to_another_problem_is_refused(tmp_path):
    solution = fo.solve(_cell(clients=10))
    with pytest.raises(FileFormatError, match="the answer has 10 clients where the problem has 40"):
        write_allocation_report(_cell(), solution, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_names_of_users_stay_text():
    names = [f"</script><b>{n}" for n in range(40)]
    problem = _cell(client_ids=names, task_ids=["=1+1", "<i>", "\u202e"])
    page = _read(problem, fo.solve(problem), title="<script>x</script>")
    assert page.data("data-clients")["values"]["name"] == names
    assert not {"b", "i"} & {tag for tag, _ in page.elements}
    assert len(page.programs) == 3


@pytest.mark.parametrize("figure", ["latency_s", "objective_s"])
def test_figures_that_are_no_numbers_are_refused(figure):
    problem = _cell()
    with pytest.raises(FileFormatError, match=f"{figure} = nan"):
        allocation_page(problem, replace(fo.solve(problem), **{figure: math.nan}))


# -- what it says is true --


def _charts(problem: Problem, solution: Solution, **options: object) -> dict[str, Chart]:
    return {chart.id: chart for chart in allocation_page(problem, solution, **options).charts}  # type: ignore[arg-type]


@pytest.mark.parametrize("bound", [0.99987654, 0.87654321, 0.123456, 1e-6])
def test_what_is_said_to_be_proven_is_rounded_the_safe_way(bound):
    problem = _cell()
    solution = fo.solve(problem)
    solution = replace(solution, lower_bound_s=bound * solution.lower_bound_s)
    headline = headline_of(problem, solution, claims=())
    found = re.search(r"nothing is below (\S+) (\w+): the answer is at most (\S+) % above", headline)
    assert found is not None
    written = float(found[1].replace(",", "")) * {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[found[2]]
    assert solution.lower_bound_s * 0.999 < written <= solution.lower_bound_s * (1.0 + 1e-12)
    assert solution.gap <= float(found[3].replace(",", "")) / 100.0 < solution.gap * 1.1


def test_figures_that_agree_in_six_digits_are_not_written_with_more():
    problem = _cell()
    solution = fo.solve(problem)
    solution = replace(solution, lower_bound_s=solution.objective_s * (1.0 - 1e-11))
    assert "are chosen, the answer is less than 1e-6 % above" in headline_of(problem, solution, claims=())
    assert {card.id: card.value for card in cards_of(problem, solution)}["bound"] == "109.7 ms"


def test_those_that_could_not_be_selected_are_not_said_to_be_late():
    problem = _cell(available=np.arange(40) < 30)
    solution = fo.solve(problem)
    note = _charts(problem, solution)["clients"].note
    assert "10 that could not be selected are not drawn." in note
    late = [problem.client_name(n) for n in np.flatnonzero(np.isposinf(needed_hz(problem, solution)[:30]))]
    assert len(late) == 3
    assert f"{late[0]}, {late[1]} and {late[2]} cannot end by" in note


# -- few clients: a newcomer's first page --


def _few(**changes: object) -> Problem:
    """Two that upload, one that is left out, and three whom no bandwidth lets end in time."""
    fields: dict[str, object] = {
        "payload_bits": [1e6, 1.2e6, 1.05e6, 2e6, 1e6, 1e6],
        "cn0_hz": 10.0 ** np.array([7.5, 7.4, 7.0, 5.0, 5.1, 7.4]),
        "bandwidth_hz": 2e6,
        "compute_s": [0.1, 0.1, 0.1, 0.1, 0.1, 90.0],
        "relevance": np.ones((1, 6)),
        "required": 2.0,
        "client_ids": ["phone", "watch", "car", "sensor-with-a-very-long-name", "barn", "7"],
    }
    return Problem(**(fields | changes))  # type: ignore[arg-type]


def test_who_cannot_end_in_time_is_named():
    problem = _few()
    solution = fo.solve(problem)
    page = allocation_page(problem, solution)
    (table,) = page.tables
    states = [STATES[state] for state in table.values["state"]]
    assert states == ["selected", "selected", "left out"] + 3 * ["cannot end in time"]
    assert ("cannot end in time", "state", State.LATE) in table.choices
    notes = {chart.id: chart.note for chart in page.charts}
    for kind in ("clients", "reduced"):
        assert "sensor-with-a-very-long-..., barn and client 7 cannot end by" in notes[kind]


def test_nobody_is_too_late_for_a_sum_of_times():
    problem = _few(objective="total")
    (table,) = allocation_page(problem, fo.solve(problem)).tables
    assert State.LATE not in table.values["state"]


def test_many_who_cannot_end_in_time_are_counted():
    problem = _few(payload_bits=np.full(12, 1e6), cn0_hz=np.array([1e8, 1e8] + [1e4] * 10), compute_s=0.1,
                   relevance=np.ones((1, 12)), client_ids=None)  # fmt: skip
    assert "10 clients cannot end by" in _charts(problem, fo.solve(problem))["clients"].note


def _names_in(chart: Chart) -> set[str]:
    return {row["name"] for rows in chart.spec["datasets"].values() for row in rows if "name" in row}


def test_few_clients_are_named_in_their_charts():
    problem = _few()
    charts = _charts(problem, fo.solve(problem))
    assert _names_in(charts["clients"]) == {"phone", "watch", "car"}
    assert '"field": "name"' in json.dumps(charts["reduced"].spec["layer"][1]["encoding"]["x"])


def test_many_clients_are_not_named():
    problem = _cell(clients=100)
    charts = _charts(problem, fo.solve(problem))
    assert len(charts["reduced"].drawn) > 30
    assert charts["reduced"].spec["layer"][1]["encoding"]["x"]["field"] == "rank"
    assert not charts["clients"].spec.get("datasets")


def test_words_and_legends_are_of_what_is_drawn():
    problem = _few(available=[True, True, False, False, False, False])
    charts = _charts(problem, fo.solve(problem))
    assert "Rings" not in charts["clients"].caption
    problem = _few()
    charts = _charts(problem, fo.solve(problem))
    assert "Rings" in charts["clients"].caption
    chart = _charts(_cell(), fo.solve(_cell()))["reduced"]
    for some, what in (("Squares", "on the edge"), ("Diamonds", "against its price")):
        assert some in chart.caption
        assert what in chart.spec["layer"][1]["encoding"]["shape"]["legend"]["values"]
    greedy = by_hand.answer(problem, np.arange(6) < 2, certificate=_certificate(problem, multiplier=1e9))
    chart = _charts(problem, greedy)["reduced"]
    assert "Diamonds" in chart.caption
    assert "Squares" not in chart.caption
    assert chart.spec["layer"][1]["encoding"]["shape"]["legend"]["values"] == ["as priced", "against its price"]


def _certificate(problem: Problem, *, multiplier: float) -> fo.Certificate:
    """A certificate at a deadline that the first three clients can keep."""
    return fo.Certificate(
        kind=fo.CertificateKind.BOUND, price=fo.solve(problem).latency_s, multipliers=np.array([multiplier])
    )


@pytest.mark.parametrize("clients", [8, 100])
def test_axes_of_costs_reach_every_client(clients):
    problem = _cell(clients=clients)
    chart = _charts(problem, fo.solve(problem))["reduced"]
    axis = chart.spec["layer"][1]["encoding"]["y"]
    (table,) = allocation_page(problem, fo.solve(problem)).tables
    column = next(column for column in table.columns if column.key == "reduced")
    drawn = np.asarray(table.values["reduced"])[chart.drawn] / column.factor
    assert min(axis["axis"]["values"]) <= drawn.min()
    assert drawn.max() <= max(axis["axis"]["values"])
    assert axis["scale"]["domain"][0] <= min(axis["axis"]["values"])
    assert ("(log scale)" in axis["title"]) == (axis["scale"]["type"] == "symlog")


def test_bounds_that_do_not_move_are_no_chart():
    problem = _cell()
    solution = fo.solve(problem)
    step = fo.Progress(
        iteration=1, elapsed_s=0.0, objective_s=solution.objective_s, lower_bound_s=solution.lower_bound_s
    )
    assert "bounds" not in _charts(problem, solution, history=[step] * 5)
    moved = replace(step, lower_bound_s=0.5 * solution.lower_bound_s)
    assert "bounds" in _charts(problem, solution, history=[moved, step])


def test_a_stalled_answer_says_what_that_means():
    problem = _cell()
    solution = replace(fo.solve(problem), stop_reason=fo.StopReason.STALLED, status=fo.Status.FEASIBLE)
    cards = {card.id: card.note for card in cards_of(problem, solution)}
    assert cards["method"].endswith("stopped by: stalled (nothing left to try)")
    assert headline_of(problem, solution, claims=()).endswith("The method exact can search further.")
    for other in ({"method": "exact"}, {"stop_reason": fo.StopReason.GAP}):
        assert "search further" not in headline_of(problem, replace(solution, **other), claims=())  # type: ignore[arg-type]


def test_the_timeline_says_that_all_end_together_only_where_they_do():
    problem = _cell(compute_s=np.linspace(0.0, 0.1, 40))
    assert "nearly all end together" in _charts(problem, fo.solve(problem))["timeline"].caption
    assert "nearly all end together" not in _charts(problem, fo.solve(problem, "random_equal"))["timeline"].caption


def test_a_name_from_right_to_left_leaves_the_headline_alone():
    problem = _cell(client_ids=[f"\u202e{n}" for n in range(40)], compute_s=np.linspace(0.0, 5.0, 40))
    solution = fo.solve(problem, "random_equal")
    headline = headline_of(problem, solution, claims=())
    assert "\u2068\u202e" in headline
    assert headline.index("\u202e") < headline.index("\u2069") < headline.index("ends at")


def test_a_long_name_is_cut_in_the_headline():
    problem = _problem_of_one(client_ids=["x" * 400])
    assert len(headline_of(problem, fo.solve(problem), claims=())) < 300


def test_messages_keep_the_names_of_users():
    problem = _cell()
    solution = replace(by_hand.uncovered(problem, 0), message="'Cell-A' is short")
    assert "'Cell-A' is short." in headline_of(problem, solution, claims=())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e12])
def test_needs_of_every_size_can_be_read(scale):
    problem = _problem_of_one(relevance=[[3.0 * scale], [1.0]], required=[2.0 * scale, 0.5])
    first, second = tasks_of(problem, fo.solve(problem))
    assert [float(text.replace(",", "")) for text in (first.needs, first.receives)] == [2.0 * scale, 3.0 * scale]
    assert (second.needs, first.ratio, len(first.needs) < 8) == (second.needs, "150.0 %", True)
    assert float(second.needs) == 0.5


def test_too_little_is_never_a_full_hundred_percent():
    problem = _problem_of_one(relevance=[[1.0]], required=[1.0001])
    (row,) = tasks_of(problem, fo.solve(problem))
    assert (row.served, row.ratio) == (False, "just under 100 %")


def test_a_task_with_far_more_than_it_needs_does_not_flatten_the_others():
    problem = _problem_of_one(relevance=[[1.0], [1.0]], required=[1.0, 1e-9])
    chart = _charts(problem, fo.solve(problem))["tasks"]
    assert "1 at the right edge get more than the axis shows." in chart.note
    assert "over a million times" in [row.ratio for row in tasks_of(problem, fo.solve(problem))]


def test_a_long_history_is_thinned():
    problem = _cell()
    solution = fo.solve(problem)
    step = fo.Progress(iteration=1, elapsed_s=0.0, objective_s=1.0, lower_bound_s=0.5)
    chart = _charts(problem, solution, history=[step] * 5000)["bounds"]
    (values,) = chart.spec["datasets"].values()
    assert 300 < len(values) <= 2 * 301


def _problem_of_one(**changes: object) -> Problem:
    fields: dict[str, object] = {"payload_bits": [1e6], "cn0_hz": 1e7, "bandwidth_hz": 1e6, "mandatory": [True]}
    return Problem(**(fields | changes))  # type: ignore[arg-type]


# -- size --


def test_a_large_cell_is_cut_and_says_so(tmp_path):
    problem = fo.scenarios.make("yang2021", n_clients=30_000, n_tasks=2, seed=0, required_fraction=0.3)
    solution = fo.solve(problem)
    write_allocation_report(problem, solution, tmp_path / "page.html")
    # A page for a phone: 5 MB, of which 0.9 MB are the charts' library.
    assert (tmp_path / "page.html").stat().st_size < 5e6
    page = Reading((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.data("data-clients")["row"] == "client"
    assert len(page.data("data-clients")["values"]["name"]) == MOST_ROWS
    assert f"{MOST_ROWS:,} of 30,000 clients are on this page" in page.text
    assert "Too long for this page: the problem" in page.text
    for chart in page.data("chart-data"):
        assert chart["drawn"] is None or len(chart["drawn"]) <= 1_200
        assert all(0 <= key < MOST_ROWS for key in chart["drawn"] or ())


def test_who_is_kept_of_too_many():
    problem = _cell()
    solution = fo.solve(problem)
    prices = prices_of(problem, solution)
    chosen = int(solution.selected.sum())
    kept = kept_clients(solution, prices, chosen + 3)
    assert set(np.flatnonzero(solution.selected)) <= set(kept.tolist())
    others = np.flatnonzero(~solution.selected)
    nearest = others[np.argsort(np.abs(prices.reduced[others]), kind="stable")[:3]]
    assert np.abs(prices.reduced[nearest]).max() >= np.abs(prices.reduced[[n for n in kept if n in others]]).max()
    assert kept.tolist() == sorted(kept.tolist())


def test_the_example_of_the_docstring_writes_where_it_is_told(tmp_path: Path):
    problem = _cell(clients=5, tasks=1)
    write_allocation_report(problem, fo.solve(problem), str(tmp_path / "PAGE.HTML"), title="Round 7")
    assert "<title>Round 7</title>" in (tmp_path / "PAGE.HTML").read_text(encoding="utf-8")
