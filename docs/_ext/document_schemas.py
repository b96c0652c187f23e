"""The directive ``json-schema``: what ``fedss-opt schema`` prints, and a table of its fields."""

from __future__ import annotations

import json

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from fedss_opt.documents import problem_schema, solution_schema

SCHEMAS = {"problem": problem_schema, "solution": solution_schema}


class SchemaDirective(SphinxDirective):
    """``{json-schema} problem``: the JSON Schema of a document."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the schema as a block of JSON."""
        self.env.note_dependency(__file__)
        name = self.arguments[0]
        if name not in SCHEMAS:
            raise self.error(
                f"there is no schema {name!r}: must be one of {', '.join(SCHEMAS)}"
            )
        text = json.dumps(SCHEMAS[name](), indent=2)
        block = nodes.literal_block(text, text, language="json")
        self.set_source_info(block)
        return [block]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("json-schema", SchemaDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
