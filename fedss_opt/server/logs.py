"""The log: one JSON object a line, on stderr. Of a request it has sizes and times, and nothing that it carried."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

__all__ = ["LOGGER", "JsonLines", "event", "start_logging"]

LOGGER = logging.getLogger("fedss_opt.server")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; of an exception the type and the lines of code, never its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, Any] = {"time": moment, "level": record.levelname.lower()}
        facts = getattr(record, "facts", None)
        if facts is None:  # another library's record: its text is a template, and the arguments may be anything
            entry |= {"event": "message", "logger": record.name, "text": str(record.msg)}
        else:
            entry |= facts
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            entry["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(entry, default=str)


def event(name: str, *, level: int = logging.INFO, error: BaseException | None = None, **facts: object) -> None:
    """Log an event with its facts: numbers and words of closed sets."""
    LOGGER.log(level, name, exc_info=error, extra={"facts": {"event": name, **facts}})


def start_logging() -> None:
    """Send this server's log, and the errors of the library that serves it, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for logger, level in ((LOGGER, logging.INFO), (logging.getLogger("uvicorn.error"), logging.ERROR)):
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger("uvicorn.access").handlers = []  # it would log whole URLs
    logging.getLogger("uvicorn.access").propagate = False
