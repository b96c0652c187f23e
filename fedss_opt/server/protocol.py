"""HTTP connections with an end: who does not send a request in time, or comes when all places are taken, is let go."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .limits import Limits
from .problem_details import RefusalKind, RefusedError

__all__ = ["patient_protocol"]


def patient_protocol(limits: Limits) -> type[H11Protocol]:
    """Return uvicorn's protocol with limits that it does not have itself.

    A request's head must arrive within `head_s` of the connection or of the answer before it, however many bytes
    drip in meanwhile: uvicorn waits for the first one without an end, and every byte stops its clock. Who does not
    read an answer for `body_s` is let go too. The clock for bodies that are sent is in `request_body.read_body`.

    Where all places are taken, or one address has half of them without a request, the oldest connection without one
    makes room: of that address, or of the one that has most of them.
    """
    waiting: dict[PatientProtocol, None] = {}  # without a request; the oldest first

    class PatientProtocol(H11Protocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self._clock: asyncio.TimerHandle | None = None
            self._writing: asyncio.TimerHandle | None = None
            self._half_closed = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            most = limits.max_connections
            crowd = Counter(one.address for one in waiting)
            crowded = self.address if crowd[self.address] >= max(1, most // 2) else ""
            if len(self.connections) > most and crowd:
                crowded = crowd.most_common(1)[0][0]
            if crowded:
                oldest = next(one for one in waiting if one.address == crowded)
                oldest.make_room()
            elif len(self.connections) > most:
                self._refuse(RefusalKind.BUSY, f"at most {most} connections are held")
                return
            self._watch()

        @property
        def address(self) -> str:
            return self.client[0] if self.client else ""

        def make_room(self) -> None:
            self._stop_clock()
            self._refuse(RefusalKind.BUSY, "a newer connection took the place of this one, which sent no request")

        def eof_received(self) -> bool | None:  # type: ignore[override]
            """Answer what was asked in full before the client closed its side."""
            whole = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
            self._half_closed = whole
            return whole

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_clock()
            self._stop_writing()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            # Closing would wait for the reader, who may never read.
            self._writing = self.loop.call_later(limits.body_s, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop_writing()
            super().resume_writing()

        def data_received(self, data: bytes) -> None:
            if not self.transport.is_closing():
                super().data_received(data)

        def handle_events(self) -> None:
            super().handle_events()
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self._half_closed and self.cycle.response_complete:
                self.transport.close()
            self._watch()

        def send_400_response(self, msg: str) -> None:
            self._refuse(RefusalKind.MALFORMED, "this is not HTTP")

        def _watch(self) -> None:
            """Run the clock exactly while no request is being answered."""
            answering = self.cycle is not None and not self.cycle.response_complete
            if answering or self.transport.is_closing():
                self._stop_clock()
            elif self._clock is None:
                self._clock = self.loop.call_later(limits.head_s, self._too_late)
                waiting[self] = None

        def _stop_clock(self) -> None:
            waiting.pop(self, None)
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _stop_writing(self) -> None:
            if self._writing is not None:
                self._writing.cancel()
                self._writing = None

        def _too_late(self) -> None:
            self._stop_clock()
            if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
                self._refuse(RefusalKind.TOO_SLOW, f"the head must arrive within {limits.head_s:g} s")
            else:
                self.transport.close()

        def _refuse(self, kind: RefusalKind, detail: str) -> None:
            """Write a refusal beside all protocol, for the connection ends with it."""
            refusal = RefusedError(kind, detail)
            body = json.dumps({**refusal.to_dict(), "status": refusal.status}).encode("ascii")
            head = (
                f"HTTP/1.1 {refusal.status} \r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
            self.transport.close()

    return PatientProtocol
