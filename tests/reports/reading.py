"""Reading a page as a browser would: its elements, its data, its text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


class Reading(HTMLParser):
    """The elements of a page, its scripts, and what stands in it outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self._inside: tuple[str, dict[str, str | None]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = (tag, dict(attrs))
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if self._inside is not None and tag == self._inside[0]:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
        elif self._inside[0] == "style":
            self.styles.append(data)
        else:
            attributes, content = self.scripts[-1]
            self.scripts[-1] = (attributes, content + data)

    def attributes(self, id_: str) -> dict[str, str | None]:
        """The attributes of the one element with an id."""
        (found,) = [attributes for _, attributes in self.elements if attributes.get("id") == id_]
        return found

    def has(self, id_: str) -> bool:
        return any(attributes.get("id") == id_ for _, attributes in self.elements)

    def data(self, id_: str) -> Any:
        """The JSON of the one script element with an id."""
        (found,) = [content for attributes, content in self.scripts if attributes.get("id") == id_]
        return json.loads(found)

    @property
    def programs(self) -> list[str]:
        """The scripts that run."""
        return [content for attributes, content in self.scripts if "type" not in attributes]
