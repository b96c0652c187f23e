"""The shell of a page: nothing is loaded, nothing of a user's can run, and what it carries is what was given."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt.exceptions import FileFormatError, MissingDependencyError
from fedss_opt.reports.charts import color, spec_of, thinned
from fedss_opt.reports.page import render_page, write_page
from fedss_opt.reports.page_parts import Card, Chart, Column, Download, Page, Table, embeddable, measure

from .reading import Reading

alt = pytest.importorskip("altair")
pytest.importorskip("vl_convert")

NASTY = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "=cmd|'/c calc'!A1",
    "\u202egnitirw \u0645\u0631\u062d\u0628\u0627",
    "emoji \N{GRINNING FACE} \u6f22\u5b57",
    "\u2028\u2029",
    "&amp;&lt;",
)


def _page(names: tuple[str, ...] = NASTY, **changes: object) -> Page:
    columns = [
        Column(key="name", title="client", kind="text", csv="id"),
        measure("band", "bandwidth", [2e5], "Hz", csv="bandwidth_hz"),
    ]
    table = Table(
        id="clients",
        title=names[0],
        columns=columns,
        values={"name": list(names), "band": np.linspace(1e5, 2e5, len(names))},
        row="client",
        lists={"task": ("Tasks", list(names[:2]), np.ones((len(names), 2)))},
    )
    points = alt.Chart(alt.NamedData("clients")).mark_point().encode(x="band:Q", color=alt.value(color("selected")))
    fields: dict[str, object] = {
        "title": names[0],
        "headline": names[1],
        "template": "base.html.j2",
        "cards": [Card(id="one", label=names[2], value=names[3], note=names[4])],
        "charts": [
            Chart(
                id="points", title=names[0], spec=spec_of(points), description=names[3], datasets={"clients": "clients"}
            )
        ],
        "tables": [table],
        "downloads": [
            Download(id="clients-csv", label="Clients", filename="clients.csv", table="clients"),
            Download(id="all-json", label="All", filename="all.json", text=json.dumps(names)),
        ],
    }
    return Page(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def html() -> str:
    return render_page(_page())


@pytest.fixture(scope="module")
def page(html) -> Reading:
    return Reading(html)


def test_nothing_is_loaded(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            address = attributes.get(name)
            assert address is None or address == "data:,", (tag, name, address)
    assert not [style for style in page.styles if re.search(r"url\(|@import", style)]


def test_only_the_pages_own_scripts_may_run(html, page):
    (policy,) = [a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.programs]
    assert rules["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(page.programs) == 3
    assert "alert(1)" not in "".join(page.programs)
    # No handler stands in an attribute: it would be blocked, and should not have come so far.
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_names_are_text_wherever_they_stand(html, page):
    assert page.text.count("<script>alert(1)</script>") >= 2  # the title, twice
    assert "<img src=x" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert NASTY[4] in page.text
    assert page.attributes("figure-points") is not None
    assert [a["aria-label"] for _, a in page.elements if a.get("role") == "img"] == [NASTY[3]]


def test_data_are_what_was_given(page):
    data = page.data("data-clients")
    assert data["values"]["name"] == list(NASTY)
    assert data["values"]["band"] == pytest.approx(np.linspace(1e5, 2e5, len(NASTY)), rel=1e-6)
    assert data["columns"][1]["unit"] == "kHz"
    assert data["lists"][0]["labels"] == list(NASTY[:2])
    downloads = {file["id"]: file for file in page.data("download-data")}
    assert json.loads(downloads["all-json"]["text"]) == list(NASTY)
    assert downloads["clients-csv"]["table"] == "clients"
    assert page.has("download-clients-csv")
    assert page.has("theme")


def test_charts_carry_colours_of_the_page_and_no_address(page):
    (chart,) = page.data("chart-data")
    assert "http" not in json.dumps(chart)
    assert "var(--selected)" in json.dumps(chart["spec"]["encoding"])
    style = "".join(page.styles)
    named = set(re.findall(r"var\((--[a-z0-9-]+)\)", json.dumps(chart) + style))
    defined = set(re.findall(r"(--[a-z0-9-]+):", style))
    assert named <= defined


def test_every_colour_is_in_every_look(page):
    style = "".join(page.styles)
    looks = [set(re.findall(r"(--[a-z0-9-]+):", look)) for look in re.findall(r"\{[^{}]*--paper:[^{}]*\}", style)]
    assert len(looks) == 3  # light, dark, print
    assert looks[0] == looks[1] == looks[2]


def test_the_light_colours_are_those_of_the_figures(page):
    from fedss_opt import looks  # noqa: PLC0415

    first = re.search(r"\{[^{}]*--paper:[^{}]*\}", "".join(page.styles))
    assert first is not None
    light = dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{6});", first[0]))
    assert light["--selected"] == looks.SELECTED.lower()
    assert light["--left-out"] == looks.LEFT_OUT.lower()
    assert light["--answer"] == looks.ANSWER.lower()
    assert light["--bound"] == looks.BOUND.lower()
    assert [light[f"--task-{k}"] for k in range(7)] == [colour.lower() for colour in looks.TASKS]


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    names = ("half \ud800", *NASTY[1:])
    write_page(lambda: _page(names), tmp_path / "page.html")
    read = Reading((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert read.data("data-clients")["values"]["name"][0] == "half \N{REPLACEMENT CHARACTER}"


@settings(max_examples=25)
@given(st.text(max_size=30))
def test_no_text_ends_its_element(text):
    names = (text, *NASTY[1:])
    read = Reading(render_page(_page(names, charts=[], downloads=[])))
    shown = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert read.data("data-clients")["values"]["name"][0] == shown
    assert len(read.programs) == 3


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"page\.htm: the name must end in \.html"):
        write_page(_page, tmp_path / "page.htm")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["altair", "jinja2", "vl_convert"])
def test_a_missing_extra_is_named(missing, tmp_path, monkeypatch):
    page = _page()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependencyError, match=rf'{missing}.*pip install "fedss-opt\[report\]"'):
        write_page(lambda: page, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


# -- parts --


def test_numbers_keep_seven_digits_and_their_infinities():
    assert embeddable(np.array([1.0, 0.1 + 0.2, 1e20, -np.inf])) == [1, 0.3, 1e20, "-inf"]
    assert embeddable(np.array([], dtype=float)) == []
    assert embeddable(np.array([True, False])) == [1, 0]
    assert json.loads(json.dumps(embeddable(np.array([np.nan])))) == [None]


def test_columns_say_their_units():
    column = measure("time", "upload", [0.1234, 0.2], "s", infinite="never")
    assert column.head == "upload, ms"
    assert [column.format(value) for value in (0.1234, np.inf, np.nan)] == ["123 ms", "never", "unknown"]


def test_what_the_columns_decimals_would_hide_keeps_its_digits():
    column = measure("band", "bandwidth", [2e6, 3e6, 4e6], "Hz")
    assert [column.format(value) for value in (2e6, 4321.0, -4321.0, 0.0)] == [
        "2.00 MHz",
        "0.0043 MHz",
        "-0.0043 MHz",
        "0 MHz",
    ]


@given(st.integers(0, 60), st.integers(2, 30), st.data())
def test_thinning_keeps_the_order_the_limit_and_the_chosen(size, limit, data):
    order = np.array(data.draw(st.permutations(range(size))), dtype=np.int64)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=bool)
    drawn = thinned(order, limit, keep)
    assert len(drawn) == min(size, limit)
    places = {key: place for place, key in enumerate(order.tolist())}
    assert [places[key] for key in drawn.tolist()] == sorted(places[key] for key in drawn.tolist())
    if keep.sum() <= limit // 2:
        assert set(np.flatnonzero(keep).tolist()) <= set(drawn.tolist())
