"""A report page: one HTML file that needs no network, from the parts it is made of.

How to make a page:

1. Describe it with the dataclasses of `page_parts`: a `Page` of `Card`, `Chart`, `Table` and `Download`. Charts are
   made with Altair and handed over by `charts.spec_of`; their colours are those of the page (`charts.color`), so that
   light, dark and print need no second drawing.
2. Write a template that extends ``base.html.j2``, in the folder ``templates`` of the package that makes the page, and
   fill its block ``body`` with sections, of which ``{{ figure("ID") }}`` and ``{{ table("ID") }}`` are the figures and
   tables of the page; ``base.html.j2`` itself shows all charts, then all tables. Text of users goes through ``{{ }}``
   (escaped), names in ``<bdi>``.
3. Call `write_page` with a function that makes the page.

What a page has, for scripts and tests:

==============================================  =======================================================================
``#headline``, ``#cards``, ``#card-ID``         the result
``#figure-ID``, ``[data-chart="ID"]``           a figure, and the element that holds its SVG; ``data-drawn="true"`` when
                                                it is drawn, ``data-drawn="failed"`` when it could not be
``#table-ID``, ``[data-ROW="KEY"]``             a table, and the button of one of its rows; KEY is the position of the
                                                row (of the client: ``data-client="12"``)
``[data-sort="COLUMN"]``, ``[data-filter]``,    in a table: the heads' buttons, the search field, the selection of
``[data-choice]``, ``[data-page="next"]``       rows, the pager (also ``previous``)
``#details``, ``#details-close``                what is known of the selected row; hidden until there is one
``#theme``                                      the button for light and dark; ``<html data-theme="dark">``
``#download-ID``                                a button that hands out a file
``script#data-ID``                              a table's data as JSON
``window.fedss``                                ``rows(ID)``, ``select(ID, KEY)``, ``csv(ID)``, ``view(ID)`` (a chart's
                                                Vega view, once drawn), ``save(BLOB, FILENAME)``; the document is sent
                                                ``fedss:ready`` when all is drawn, and has ``<html data-ready>`` then
==============================================  =======================================================================

What keeps it safe: Jinja2 escapes, JSON is embedded without ``<``, scripts write text only (``textContent``), cells of
a CSV that a spreadsheet could take for a formula begin with an apostrophe, and a Content Security Policy lets nothing
run but the page's own scripts (by their hashes; Vega's expressions are interpreted, never compiled) and nothing be
loaded at all.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
from collections.abc import Callable
from importlib import import_module, resources
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..atomic_files import write_atomically
from ..exceptions import FileFormatError
from ..extras import needs_extra
from .page_parts import Chart, Download, Page, Table, embeddable

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["need_report_extra", "render_page", "write_page"]

_SHELL = "fedss_opt.reports"  # what every page has


def need_report_extra(option: str) -> None:
    """Refuse, before any work is done, a page that could not be made after it."""
    with needs_extra(option, "report"):
        for module in ("altair", "jinja2", "vl_convert"):
            import_module(module)


def write_page(make: Callable[[], Page], path: str | PathLike[str]) -> None:
    """Make a page and write it to ``*.html``; all or nothing.

    What would hinder it is found out before `make` is called.

    Raises
    ------
    FileFormatError
        When the name has another ending.
    MissingDependencyError
        Without the extra ``report``.
    OSError
        When the file cannot be written.
    """
    if not os.fspath(path).lower().endswith(".html"):
        raise FileFormatError(f"{os.fspath(path)}: the name must end in .html")
    need_report_extra("a report page")
    # A name may hold half a surrogate pair, which is no UTF-8: browsers show its reference as "unknown character".
    write_atomically(path, render_page(make()).encode("utf-8", "xmlcharrefreplace"))


def render_page(page: Page) -> str:
    """Return the page's HTML."""
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package) for package in dict.fromkeys((_SHELL, page.package))]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    own = functools.partial(_asset, page.package)
    scripts = [_vega(), *(_asset(_SHELL, name) for name in ("page.js", "table.js")), *map(own, page.scripts)]
    charts = {chart.id: chart for chart in page.charts}
    tables = {table.id: table for table in page.tables}
    return environment.get_template(page.template).render(
        page=page,
        charts=charts,
        tables=tables,
        version=__version__,
        css="\n".join([_asset(_SHELL, "page.css"), *map(own, page.styles)]),
        scripts=scripts,
        policy=_policy(scripts),
        blocks=_blocks(page),
        **page.context,
    )


def _asset(package: str, name: str) -> str:
    text = resources.files(package).joinpath("assets", name).read_text(encoding="utf-8")
    return text.strip()


@functools.cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, which takes a second to bundle."""
    import vl_convert  # noqa: PLC0415

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed; window.vega = vega;")
    # In a function of its own: the bundle's short names would be global.
    return "(() => {" + bundle.replace("</script", "<\\/script") + "\n})();"


def _policy(scripts: list[str]) -> str:
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _blocks(page: Page) -> dict[str, str]:
    """Return the page's data, by the ids of their elements."""
    blocks: dict[str, Any] = {f"data-{table.id}": _table_data(table) for table in page.tables}
    blocks["chart-data"] = [_chart_data(chart) for chart in page.charts]
    blocks["download-data"] = [_download_data(download) for download in page.downloads]
    return {name: _embedded(block) for name, block in blocks.items()}


def _table_data(table: Table) -> Any:
    return {
        "row": table.row,
        "columns": [
            {
                "key": column.key,
                "title": column.title,
                "unit": column.unit,
                "kind": column.kind,
                "factor": column.factor,
                "decimals": column.decimals,
                "csv": column.csv,
                "labels": list(column.labels),
                "infinite": column.infinite,
                "shown": column.shown,
            }
            for column in table.columns
        ],
        "values": {column.key: embeddable(table.values[column.key]) for column in table.columns},
        "choices": [list(choice) for choice in table.choices],
        "lists": [
            {"key": key, "title": title, "labels": list(labels), "values": [embeddable(row) for row in values]}
            for key, (title, labels, values) in table.lists.items()
        ],
    }


def _chart_data(chart: Chart) -> Any:
    drawn = None if chart.drawn is None else [int(key) for key in chart.drawn]
    return {"id": chart.id, "spec": chart.spec, "datasets": dict(chart.datasets), "drawn": drawn}


def _download_data(download: Download) -> Any:
    return {
        "id": download.id,
        "filename": download.filename,
        "type": download.media_type,
        "text": download.text,
        "table": download.table,
    }


def _embedded(value: Any) -> str:
    """Return JSON that cannot end the element it stands in, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
