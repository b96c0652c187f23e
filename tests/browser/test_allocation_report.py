"""The report page of an allocation, as a person uses it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.documents import load_solution
from fedss_opt.reports import write_allocation_report

if TYPE_CHECKING:
    from .chrome import Viewer

pytest.importorskip("altair", reason="needs the extra report")
pytestmark = pytest.mark.usefixtures("warm")

Show = Callable[..., None]

# Text that breaks out of scripts, attributes, table cells, spreadsheets and lines.
NASTY = (
    "</script><script>document.title='hit'</script>",
    '"><img src=x onerror=document.title=1>',
    "=HYPERLINK(1)",
    "+1-1",
    "@cmd",
    "-2",
    "\u202eright to left",
    "\U0001f4f1 phone",
    "two\nlines, \"quotes\" and 'more'",
    "{{ 7 * 7 }} {name} ${x}",
    "\u0000nul",
    "x" * 300,
)


@pytest.fixture(scope="module")
def problem() -> fo.Problem:
    return fo.scenarios.make("yang2021", n_clients=60, n_tasks=3, seed=4)


@pytest.fixture(scope="module")
def history() -> list[fo.Progress]:
    return []


@pytest.fixture(scope="module")
def solution(warm: None, problem: fo.Problem, history: list[fo.Progress]) -> fo.Solution:
    return fo.solve(problem, callback=history.append)


@pytest.fixture
def show(viewer: Viewer, tmp_path: Path) -> Show:
    def show_(problem: fo.Problem, solution: fo.Solution, history: list[fo.Progress] | tuple[()] = ()) -> None:
        path = tmp_path / "round.html"
        write_allocation_report(problem, solution, path, history=history)
        viewer.open(path)
        viewer.wait(lambda: viewer.run("return 'ready' in document.documentElement.dataset"), "all charts")
        viewer.settle()

    return show_


@pytest.fixture
def page(viewer: Viewer, show: Show, problem, solution, history) -> Viewer:
    show(problem, solution, history)
    return viewer


def failed_charts(viewer: Viewer) -> list[str]:
    drawn = "return [...document.querySelectorAll('[data-chart]')].map(e => [e.dataset.chart, e.dataset.drawn])"
    return [name for name, state in viewer.run(drawn) if state != "true"]


def figure_of(text: str) -> float:
    """Read a number as the page writes it."""
    return float(text.replace(",", "").split()[0])


def details(viewer: Viewer) -> dict[str, str]:
    terms, facts = (viewer.all(f"#details-body > dl:first-of-type {tag}") for tag in ("dt", "dd"))
    return {term.text: fact.text for term, fact in zip(terms, facts, strict=True)}


def test_every_chart_is_drawn(page):
    assert failed_charts(page) == []
    assert {chart.get_attribute("data-chart") for chart in page.all("[data-chart]")} >= {"clients", "timeline", "tasks"}
    page.screenshot("allocation")


def test_the_headline_says_how_many_upload_and_for_how_long(page, problem, solution):
    headline = page.text("#headline")
    assert f"{int(solution.selected.sum())} of {problem.n_clients} clients" in headline
    assert page.text("#cards") != ""


def test_pointing_at_a_client_tells_its_figures(page, problem, solution):
    marks = page.all('[data-chart="clients"] .mark-symbol.role-mark path')
    seen = 0
    for mark in marks[:: max(1, len(marks) // 4)]:
        page.hover(page.one("h1"))
        page.hover(mark)
        told = dict(line.split("\t") for line in page.tooltip().splitlines() if "\t" in line)
        names = [problem.client_name(n) for n in range(problem.n_clients)]
        if told.get("client") not in names:
            continue
        client = names.index(told["client"])
        seen += 1
        (payload,) = (key for key in told if key.startswith("payload"))
        unit = {"Mbit": 1e6, "kbit": 1e3, "Gbit": 1e9, "bit": 1.0}[payload.split(", ")[1]]
        assert figure_of(told[payload]) == pytest.approx(problem.payload_bits[client] / unit, rel=0.01)  # 3 digits
        assert told["state"].startswith("selected") == bool(solution.selected[client])
    assert seen > 0
    page.screenshot("allocation-tooltip", whole=False)


def test_a_client_that_is_pressed_is_explained(page, problem, solution):
    reduced = solution.certificate.reduced_costs(problem)
    for client in (int(np.flatnonzero(solution.selected)[0]), int(np.flatnonzero(~solution.selected)[0])):
        page.run("document.querySelector('#table-clients [data-filter]').value = ''")
        filtered(page, problem.client_name(client))
        button = page.one(f'#table-clients [data-client="{client}"]')
        page.run("arguments[0].focus()", button)
        page.press("ENTER")
        told = details(page)
        assert ("selected" in told["state"]) == bool(solution.selected[client])
        words = page.text("#details-body > p").lower()
        assert words.startswith("selected" if solution.selected[client] else "left out")
        if math.isfinite(reduced[client]):
            (value,) = (text for title, text in told.items() if title == "reduced cost")
            assert np.sign(figure_of(value)) == np.sign(reduced[client])
    page.screenshot("allocation-details", whole=False)
    page.press("ESCAPE")
    assert not page.one("#details").is_displayed()


def test_a_mark_that_is_pressed_opens_the_details_of_its_client(page):
    mark = page.all('[data-chart="clients"] .mark-symbol.role-mark path')[-1]
    page.hover(mark)
    mark.click()
    page.wait(lambda: page.one("#details").is_displayed(), "the details")
    name = page.run("const p = fedss.picked(); return fedss.table(p.id).values.name[p.key]")
    assert name in page.text("#details-body")
    assert page.inaccessible() == []


def filtered(viewer: Viewer, text: str) -> list[str]:
    """Type into the table's search field, and return the names it then shows."""
    field = viewer.one("#table-clients [data-filter]")
    viewer.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", field)
    field.clear()
    field.send_keys(text)
    viewer.wait(
        lambda: all(text.lower() in row.text.lower() for row in viewer.all("#table-clients tbody tr")), "the search"
    )
    return [button.text for button in viewer.all("#table-clients tbody button")]


def test_the_table_is_sorted_searched_and_paged(page, problem, solution):
    assert len(page.all("#table-clients tbody tr")) == 20
    page.click('#table-clients [data-sort="payload"]')
    order = np.argsort(-problem.payload_bits, kind="stable")
    shown = [int(b.get_attribute("data-client")) for b in page.all("#table-clients tbody button")]
    np.testing.assert_allclose(problem.payload_bits[shown], problem.payload_bits[order[:20]], rtol=1e-6)  # 7 digits
    page.click('#table-clients [data-sort="payload"]')
    shown = [int(b.get_attribute("data-client")) for b in page.all("#table-clients tbody button")]
    assert problem.payload_bits[shown[0]] == pytest.approx(problem.payload_bits.min(), rel=1e-6)
    page.click('#table-clients [data-page="next"]')
    page.click('#table-clients [data-page="next"]')
    assert "41 to 60 of 60" in page.text("#table-clients [data-status]")
    assert page.one('#table-clients [data-page="next"]').get_attribute("disabled")
    name = problem.client_name(17)
    assert name in filtered(page, name)


def test_the_table_can_be_restricted_to_the_selected(page, solution):
    page.run(
        "const s = document.querySelector('#table-clients [data-choice]');"
        "s.value = [...s.options].find(o => o.textContent === 'selected').value; s.dispatchEvent(new Event('change'))"
    )
    assert f"of {int(solution.selected.sum())}" in page.text("#table-clients [data-status]")


def test_downloads_are_read_back_as_the_answer(page, problem, solution, tmp_path):
    rows = list(csv.DictReader(io.StringIO(page.download("#download-clients-csv").decode())))
    assert len(rows) == problem.n_clients
    given = np.array([float(row["bandwidth_hz"] or 0.0) for row in rows])
    np.testing.assert_allclose(given, solution.bandwidth_hz, rtol=1e-6)  # pages keep 7 digits
    assert [row["state"].startswith("selected") for row in rows] == solution.selected.tolist()
    path = tmp_path / "answer.json"
    path.write_bytes(page.download("#download-answer-json"))
    answer = load_solution(path, problem)
    np.testing.assert_array_equal(answer.bandwidth_hz, solution.bandwidth_hz)
    assert answer.certificate.bound(problem) == solution.certificate.bound(problem)
    (tmp_path / "problem.json").write_bytes(page.download("#download-problem-json"))
    loaded = fo.Problem.load(tmp_path / "problem.json")
    np.testing.assert_array_equal(loaded.relevance, problem.relevance)
    assert fo.check(loaded, answer).ok


def test_light_dark_and_phone_are_accessible(page):
    page.judge_accessibility("allocation")


def test_a_phone_need_not_scroll_sideways(page):
    from .chrome import PHONE  # noqa: PLC0415 - an extra

    page.size(PHONE)
    page.settle()
    assert page.too_wide() == 0
    page.click('#table-clients tbody [data-client="0"]')
    page.settle()
    assert page.too_wide() == 0
    page.screenshot("allocation-phone-details", whole=False)


def test_the_theme_is_the_systems_until_the_button_says_otherwise(page):
    def paper() -> str:
        page.settle()
        return page.run("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.media(dark=True)
    dark = paper()
    assert dark != light
    page.click("#theme")
    assert paper() == light
    assert page.one("#theme").get_attribute("aria-pressed") == "false"
    page.media()
    page.click("#theme")
    assert paper() == dark


def test_print_is_light_and_has_no_controls(page):
    page.media(dark=True, printed=True)
    page.settle()
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    controls = [element for element in page.all("button:not(td *, th *), select, input") if element.is_displayed()]
    assert [control.get_attribute("outerHTML") for control in controls] == []
    assert page.one('[data-chart="clients"] svg').is_displayed()
    page.screenshot("allocation-print")
    assert page.pdf().startswith(b"%PDF")


def test_without_javascript_the_result_can_be_read(viewer, tmp_path, problem, solution):
    path = tmp_path / "round.html"
    write_allocation_report(problem, solution, path)
    with viewer.without_scripts():
        viewer.open(path)
        assert "clients" in viewer.one("#headline").text
        assert viewer.one("noscript").text != ""
        assert len(viewer.all("#tasks tbody tr")) == 3
        viewer.screenshot("allocation-no-script")


def test_names_from_files_do_nothing(viewer, show):
    count = len(NASTY)
    problem = fo.Problem(
        payload_bits=np.linspace(1e6, 2e6, count),
        cn0_hz=np.geomspace(5e6, 5e7, count),
        bandwidth_hz=5e6,
        relevance=np.ones((2, count)),
        required=[3.0, 2.0],
        client_ids=list(NASTY),
        task_ids=["</script><b>task", "=1+1"],
    )
    show(problem, fo.solve(problem))
    assert failed_charts(viewer) == []
    assert "hit" not in viewer.run("return document.title")
    assert viewer.all("img, b") == []
    for client in range(count):
        viewer.run("fedss.select('clients', arguments[0])", client)
        shown = viewer.run("return document.querySelector('#details-body h2').textContent")
        assert NASTY[client].replace("\u0000", "").split("\n")[0][:20].strip() in shown.replace("\ufffd", "")
    assert viewer.too_wide() == 0
    assert viewer.inaccessible() == []
    rows = list(csv.reader(io.StringIO(viewer.download("#download-clients-csv").decode(), newline="")))
    assert all(row[0][:1] not in "=+@-" for row in rows[1:])
    viewer.screenshot("allocation-nasty")


def test_an_infeasible_round_is_explained(viewer, show):
    problem = fo.Problem(
        payload_bits=[1e6, 2e6], cn0_hz=[3e7, 8e6], bandwidth_hz=1e6, relevance=[[1.0, 0.5]], required=[3.0]
    )
    solution = fo.solve(problem)
    assert solution.status is fo.Status.INFEASIBLE
    show(problem, solution)
    assert "infeasible" in viewer.text("#headline").lower()
    assert failed_charts(viewer) == []
    viewer.judge_accessibility("allocation-infeasible")
    assert json.loads(viewer.download("#download-answer-json"))["status"] == "infeasible"


@pytest.mark.parametrize(("clients", "tasks"), [(0, 0), (1, 1), (1, 0), (5, 2)])
def test_the_smallest_rounds_have_a_page(viewer, show, clients, tasks):
    problem = fo.Problem(
        payload_bits=np.full(clients, 1e6),
        cn0_hz=np.geomspace(1e7, 3e7, clients) if clients else [],
        bandwidth_hz=1e6,
        relevance=np.ones((tasks, clients)),
        required=np.full(tasks, 1.0),
    )
    show(problem, fo.solve(problem))
    assert failed_charts(viewer) == []
    assert viewer.text("#headline") != ""
    assert viewer.inaccessible() == []


@pytest.mark.parametrize("method", ["greedy", "exact"])
def test_other_methods_have_a_page(viewer, show, problem, method):
    show(problem, fo.solve(problem, method))
    assert failed_charts(viewer) == []
    viewer.run("fedss.select('clients', 0)")
    assert viewer.text("#details-body > p").startswith(("Selected", "Left out"))


def test_resource_blocks_total_latency_and_limits_have_a_page(viewer, show, problem):
    unavailable = np.ones(problem.n_clients, bool)
    unavailable[:3] = False
    for changed in (
        problem.replace(objective="total"),
        problem.replace(resource_block_hz=180e3),
        problem.replace(available=unavailable),
    ):
        show(changed, fo.solve(changed))
        assert failed_charts(viewer) == []
        assert viewer.text("#headline") != ""


def test_five_thousand_clients_open(viewer, show):
    problem = fo.scenarios.make("yang2021", n_clients=5000, n_tasks=5, seed=1)
    solution = fo.solve(problem)
    show(problem, solution)
    assert failed_charts(viewer) == []
    assert f"{int(solution.selected.sum()):,} of 5,000 clients" in viewer.text("#headline")
    assert viewer.run("return document.querySelectorAll('*').length") < 12_000  # a phone lives with that
    viewer.click('#table-clients [data-sort="payload"]')
    assert "of 5,000" in viewer.text("#table-clients [data-status]")
    viewer.screenshot("allocation-5000")


# -- few clients --


@pytest.fixture
def few() -> fo.Problem:
    return fo.Problem(
        payload_bits=[1.2e6, 0.8e6, 0.5e6, 2e6, 1.5e6, 1e6],
        cn0_hz=10.0 ** (np.array([74.8, 69.0, 66.5, 50.0, 77.0, 70.5]) / 10.0),
        bandwidth_hz=5e6,
        compute_s=[0.1, 0.05, 0.2, 0.1, 0.1, 0.15],
        relevance=[[1, 0.75, 1, 0.25, 0, 0.5], [0, 0.25, 0.25, 1, 1, 0.75]],
        required=[1.75, 1.62],
        client_ids=["phone-1", "phone-2", "watch-3", "car-4", "camera-with-a-long-name-5", "tablet-6"],
    )


_SHOWN_NAMES = """
return [...document.querySelectorAll('[data-chart="clients"] .mark-text.role-mark text')]
  .filter((text) => Number(text.getAttribute("opacity") ?? 1) > 0)
  .map((text) => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.top, box.right, box.bottom];
  });
"""


@pytest.mark.parametrize("size", ["DESKTOP", "PHONE"])
def test_few_clients_have_names_that_are_apart(viewer, show, few, size):
    from . import chrome  # noqa: PLC0415 - an extra

    show(few, fo.solve(few))
    viewer.size(getattr(chrome, size))
    viewer.settle()
    names = viewer.run(_SHOWN_NAMES)
    assert len(names) == 5
    assert {"phone-1", "phone-2", "tablet-6"} <= {name for name, *_ in names}
    (long,) = (name for name, *_ in names if name.startswith("camera"))
    assert long.endswith("\u2026")
    width = viewer.run("return document.documentElement.clientWidth")
    for i, (_, left, top, right, bottom) in enumerate(names):
        assert 0 <= left < right <= width
        for _, left_, top_, right_, bottom_ in names[:i]:
            assert right <= left_ or right_ <= left or bottom <= top_ or bottom_ <= top
    axis = {text.text for text in viewer.all('[data-chart="reduced"] .role-axis-label text')}
    assert {"phone-1", "phone-2", "tablet-6"} <= axis
    assert viewer.too_wide() == 0
    assert viewer.inaccessible() == []
    viewer.screenshot(f"allocation-few-{size.lower()}")


def test_few_clients_need_no_pages_and_no_legend_of_what_is_not_there(viewer, show, few):
    show(few, fo.solve(few))
    assert not any(button.is_displayed() for button in viewer.all("#table-clients [data-page]"))
    assert "1 to 6 of 6" in viewer.text("#table-clients [data-status]")
    assert "cannot end in time" in viewer.text("#table-clients tbody")
    assert "car-4 cannot end by" in viewer.text("#figure-clients")
    legend = {text.text for text in viewer.all('[data-chart="clients"] .role-legend-label text')}
    assert legend == {"selected", "left out"}


def test_a_search_that_leaves_one_page_hides_the_pager(page, problem):
    assert page.one('#table-clients [data-page="next"]').is_displayed()
    filtered(page, problem.client_name(17))
    assert not page.one('#table-clients [data-page="next"]').is_displayed()
