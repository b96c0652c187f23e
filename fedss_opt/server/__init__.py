"""``fedss-opt serve``: problems over HTTP, for programs in any language (``docs/how-to/server.md``).

Nothing is imported here: `refusals` serves the stream of ``fedss-opt solve --jsonl`` too, which needs no web framework.
"""
