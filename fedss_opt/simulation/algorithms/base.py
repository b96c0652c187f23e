"""What an algorithm does in a round, and what it keeps between rounds.

A round is report, download, local update, aggregate. Everything that crosses the air is bytes; everything an
algorithm remembers is in its dictionary of arrays `Algorithm.state`, so that a checkpoint is that dictionary;
everything random is drawn from the seed, the purpose and the round, so that nothing else needs remembering.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from ...array_types import BoolArray, FloatArray, IntArray
from ...exceptions import OptionError
from ...scenarios.draws import generator
from ...sharing import payload
from ...sharing.layout import ParameterLayout
from ...sharing.values import check_bits
from ..arrays import Parameters
from ..data.federated import FederatedData
from ..models import MultilayerPerceptron
from ..section import Section
from ..training import BatchOrder, TrainingSettings, batch_order, train

__all__ = [
    "Algorithm",
    "AlgorithmSettings",
    "BitsPerValue",
    "ClientModels",
    "Federation",
    "Message",
    "UploadReport",
    "message_bits",
]


Message = tuple[bytes, ...]
"""What crosses the air: payloads, and what small things go with them."""

BitsPerValue = Annotated[int, AfterValidator(check_bits)]
"""Bits per value: 1 to 16, or 32 for float32."""


def message_bits(message: Message) -> int:
    """Return the bits of a message as it is sent.

    Examples
    --------
    >>> from fedss_opt.sharing import encode
    >>> part = encode(np.ones(1000), bits=4, layer=np.zeros(1000, int), rng=np.random.default_rng(0))
    >>> message_bits((part,)), message_bits((part, part))
    (4128, 8256)
    """
    return sum(payload.payload_bits(part) for part in message)


class AlgorithmSettings(Section):
    """What every algorithm can be told."""

    upload_bits: BitsPerValue = 32
    """Bits per value of an upload: 1 to 16 (stochastic rounding), or 32 (float32)."""
    download_bits: BitsPerValue = 32
    """The same for what the server sends."""


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What the allocator is told before a round.

    Attributes
    ----------
    payload_bits : ndarray, (N,)
        Bits that each client would upload.
    relevance : ndarray, (K, N)
        What each client would contribute to each task.
    least : ndarray, (K,), optional
        The least part of what the clients that can upload offer each task that the algorithm can do with; what the
        allocator is asked for may be more.
    """

    payload_bits: FloatArray
    relevance: FloatArray
    least: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class ClientModels:
    """The models that the clients would use now: the different ones, (U, P), and which of them each uses, (N,)."""

    parameters: Parameters
    of_client: IntArray

    @classmethod
    def common(cls, model: Parameters, n_clients: int) -> ClientModels:
        """Let everybody use one model, (P,)."""
        return cls(model[np.newaxis], np.zeros(n_clients, dtype=np.int64))

    @classmethod
    def one_each(cls, models: Parameters) -> ClientModels:
        """Let client n use row n of (N, P) parameters."""
        return cls(models, np.arange(len(models)))


@dataclass(frozen=True, eq=False)
class Federation:
    """What an algorithm is given: the clients' data, the model, how they train, and the seed of all that is drawn.

    Examples
    --------
    >>> from fedss_opt.simulation.data import DataSettings, make_federation
    >>> from fedss_opt.simulation.models import make_model
    >>> data = make_federation(DataSettings(n_clients=8), seed=0)
    >>> model = make_model("softmax", data.features, [], data.classes)
    >>> Federation(data=data, model=model, training=TrainingSettings(), seed=0).n_clients
    8
    """

    data: FederatedData
    model: MultilayerPerceptron
    training: TrainingSettings
    seed: int
    _orders: dict[tuple[int, str], BatchOrder] = field(default_factory=dict, init=False, repr=False)

    @property
    def n_clients(self) -> int:
        """Number of clients, N."""
        return self.data.n_clients

    @property
    def layout(self) -> ParameterLayout:
        """Layers and neurons of the model."""
        return self.model.layout

    def generator(self, purpose: str, round_: int) -> np.random.Generator:
        """Return the random generator of a purpose in a round."""
        return generator(self.seed, f"{purpose}, round {round_}")

    def initial(self, copy: int = 0) -> Parameters:
        """Draw initial parameters, (P,): the same for every algorithm; copies differ."""
        return self.model.initialise(generator(self.seed, f"initial model {copy}")).astype(np.float32)

    def samples(self, clients: IntArray) -> FloatArray:
        """Return the clients' numbers of samples, (n,)."""
        return self.data.samples[clients].astype(np.float64)

    def train(
        self,
        round_: int,
        clients: IntArray,
        start: Parameters,
        *,
        purpose: str = "batches",
        settings: TrainingSettings | None = None,
        **rules: Any,
    ) -> Parameters:
        """Train clients (n,) from (n, P) or (P,) parameters; what one draws does not depend on who else trains.

        Algorithms that train twice in a round name the draw of the batches by its `purpose`; `rules` are what
        `fedss_opt.simulation.training.train` accepts besides.
        """
        chosen = self.training if settings is None else settings
        key = (round_, f"{purpose}/{chosen.local_epochs}")
        if key not in self._orders:
            for old in [k for k in self._orders if k[0] != round_]:
                del self._orders[old]
            self._orders[key] = batch_order(self.data, chosen, self.seed, round_, purpose=purpose)
        begin = np.broadcast_to(start, (len(clients), self.layout.parameters))
        trained = train(self.model, begin, self.data, clients, self._orders[key], chosen, **rules)
        if not np.isfinite(trained).all():
            client = int(clients[np.argmin(np.isfinite(trained).all(axis=1))])
            raise OptionError(
                f"training of client {client} diverged in round {round_}: its parameters are not finite; lower "
                f"training.learning_rate = {chosen.learning_rate:g} or training.weight_decay = {chosen.weight_decay:g}"
            )
        return trained

    def fine_tuned(self, round_: int, models: Parameters, epochs: int, **rules: Any) -> ClientModels:
        """Train a copy of each client's model, (N, P) or (P,), on its own samples; 0 epochs leave it as it is."""
        everybody = np.arange(self.n_clients)
        if epochs == 0:
            return ClientModels.one_each(np.broadcast_to(models, (self.n_clients, self.layout.parameters)))
        settings = self.training.model_copy(update={"local_epochs": epochs})
        purpose = "batches of the fine-tuning"
        return ClientModels.one_each(self.train(round_, everybody, models, purpose=purpose, settings=settings, **rules))


class Algorithm(ABC):
    """A federated algorithm.

    Attributes
    ----------
    federation : Federation
        Data, model, training and seed.
    settings : AlgorithmSettings
        Its own options.
    state : dict of str to ndarray
        All that is remembered from round to round.
    """

    title: ClassVar[str]
    settings_type: ClassVar[type[AlgorithmSettings]] = AlgorithmSettings

    def __init__(self, federation: Federation, settings: AlgorithmSettings) -> None:
        self.federation = federation
        self.settings = settings
        self.state: dict[str, npt.NDArray[Any]] = {}

    @property
    def training_passes(self) -> float:
        """Computing of a round, in local trainings."""
        return 1.0

    @abstractmethod
    def start(self) -> None:
        """Make the state before the first round."""

    @abstractmethod
    def report(self, round_: int) -> UploadReport:
        """Say what every client would upload, and what it is worth to every task."""

    @abstractmethod
    def download(self, round_: int, clients: IntArray) -> list[Message]:
        """Encode what each of the selected clients is sent; clients that are sent the same share the object."""

    @abstractmethod
    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        """Train the selected clients and encode what they upload."""

    @abstractmethod
    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        """Merge the uploads that arrived, of these clients; there may be none."""

    @abstractmethod
    def client_models(self, round_: int) -> ClientModels:
        """Return the models that the clients would use after `round_` rounds."""

    def on_their_own(self, round_: int, present: BoolArray) -> BoolArray:
        """Let clients train without being asked, and return who did, (N,); by default nobody."""
        return np.zeros(self.federation.n_clients, dtype=np.bool_)

    def figures(self) -> dict[str, float]:
        """Return what else is worth a column of the results, such as a density."""
        return {}

    def exhibits(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is worth a picture at the end, such as a relevance matrix."""
        return {}

    def encode(
        self, round_: int, values: Parameters, *, purpose: str, bits: int, mask: BoolArray | None = None
    ) -> list[bytes]:
        """Encode (n, P) values at a number of bits; a mask (P,) is one that the receiver has."""
        return payload.encode_many(
            values,
            bits=bits,
            layer=self.federation.layout.layer,
            mask=mask,
            mode=None if mask is None else payload.MaskMode.KNOWN,
            rng=self.federation.generator(f"rounding of the {purpose}", round_),
        )

    def decode(self, messages: Sequence[Message], *, part: int = 0, mask: BoolArray | None = None) -> Parameters:
        """Decode one part of every message, (n, P); a message that several share is decoded once."""
        layout = self.federation.layout
        different = {id(message[part]): message[part] for message in messages}
        found = payload.decode_many(list(different.values()), layer=layout.layer, reference=mask)
        of_message = dict(zip(different, found, strict=True))
        values = np.empty((len(messages), layout.parameters), dtype=np.float32)
        for row, message in enumerate(messages):
            values[row] = of_message[id(message[part])].values
        return values

    def upload_size(self, mask: BoolArray | None = None) -> int:
        """Return the bits of an upload of what a mask (P,) keeps that the server has; of everything by default."""
        layout = self.federation.layout
        return payload.size_bits(
            layout.parameters if mask is None else int(np.count_nonzero(mask)),
            layers=layout.layers,
            bits=self.settings.upload_bits,
            mode=payload.MaskMode.NONE if mask is None else payload.MaskMode.KNOWN,
        )
