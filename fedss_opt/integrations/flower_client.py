"""The client's side: answer the server's question for the state of the link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from ..exceptions import OptionError
from ..rounds.client_reports import ClientId
from .flower_records import ACTION, ID_ONLY_KEY, RECORD, ROUND_KEY, to_record
from .select import LinkState

__all__ = ["Measure", "linkstate"]

Measure = Callable[[Context, int], LinkState]
"""``measure(context, server_round)``: what this client reports for the round."""


def linkstate(
    client_app: ClientApp,
    measure: Measure | None = None,
    *,
    client_id: Callable[[Context], ClientId] | None = None,
) -> None:
    """Let a client's app answer the queries of the link sources `query` and `from_table`.

    It registers the app's function for messages of the type ``query.linkstate``. A measurement that raises is an error
    reply, as everywhere in Flower: the server leaves the client out of that round. The app's own ``mods`` see training
    and evaluation only: most read records of arrays and of metrics, which this question does not have.

    Parameters
    ----------
    client_app : ClientApp
        The app; made with functions (``@app.train()``), not with a ``client_fn``.
    measure : callable, optional
        Called with the context and the round; returns keyword arguments of `RoundAllocator.update`, such as
        ``{"cn0_hz": 2e7, "compute_s": 0.4}``. Without it the client tells its id only.
    client_id : callable, optional
        Called with the context; returns what the allocator is to call this client. By default the ``partition-id``
        of the node's config where there is one (simulations; their node ids are random), else the node's id.

    Raises
    ------
    OptionError
        When the app cannot answer queries, or already has an answer to this one.

    Examples
    --------
    >>> from flwr.clientapp import ClientApp
    >>> app = ClientApp()
    >>> linkstate(app, lambda context, server_round: {"cn0_hz": 2e7, "compute_s": 0.4})
    """

    def answer(message: Message, context: Context) -> Message:
        asked = message.content.config_records[RECORD]
        name = _usual_id(context) if client_id is None else client_id(context)
        state: LinkState = {}
        if measure is not None and not asked[ID_ONLY_KEY]:
            state = measure(context, cast(int, asked[ROUND_KEY]))
        return Message(RecordDict({RECORD: to_record(name, state)}), reply_to=message)

    try:
        with _without_mods(client_app):
            client_app.query(ACTION)(answer)
    except ValueError as error:
        # Flower's message is a page long where the app was made with a client_fn; its first line says what is wrong.
        raise OptionError(f"client_app: {str(error).strip().splitlines()[0]}") from None


@contextmanager
def _without_mods(client_app: ClientApp) -> Iterator[None]:
    """Take an app's mods away while a function is registered; where Flower keeps them elsewhere, leave them."""
    mods = getattr(client_app, "_mods", None)
    if not mods:
        yield
        return
    client_app._mods = []
    try:
        yield
    finally:
        client_app._mods = mods


def _usual_id(context: Context) -> ClientId:
    partition = context.node_config.get("partition-id")
    return context.node_id if partition is None else int(partition)
