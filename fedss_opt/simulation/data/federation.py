"""From a data set to the data of every client: hold out, divide, transform."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from ...array_types import FloatArray, IntArray
from ...exceptions import OptionError
from ...scenarios.draws import generator
from ..arrays import IndexArray
from ..section import Section
from . import partitions
from .dataset import Dataset, load_digits
from .federated import FederatedData
from .idx import load_idx
from .npz import load_npz
from .table import load_csv
from .task_families import Family, make_tasks

__all__ = ["DataSettings", "Source", "federate", "load_dataset", "make_federation"]


# Families whose clients have label distributions of their own, and are judged by them.
_SKEWED = (Family.DIRICHLET, Family.SHARDS)


class Source(StrEnum):
    """Where images come from."""

    DIGITS = "digits"
    IDX = "idx"
    NPZ = "npz"
    CSV = "csv"


_LOADERS = {Source.IDX: load_idx, Source.NPZ: load_npz, Source.CSV: load_csv}


class DataSettings(Section):
    """Which images there are, and how they are divided.

    Examples
    --------
    >>> DataSettings(n_clients=1000, replace=True).family
    <Family.SWAP2: 'swap2'>
    """

    dataset: Source = Source.DIGITS
    """The embedded digits, or the format of the files in `folder`."""
    folder: Path | None = None
    """Where the files are; not for the digits."""
    family: Family = Family.SWAP2
    """Task family or kind of skew; `make_tasks` describes them."""
    n_clients: int = Field(default=40, ge=1)
    """Number of clients, at least `n_tasks` where the family has several."""
    n_tasks: int = Field(default=4, ge=1)
    """Number of tasks of the families swap2, permpairs and rotations; the others have one and do not read it."""
    images_per_client: int = Field(default=20, ge=1)
    """Training images of each client."""
    test_fraction: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Share of every class that is held out, in (0, 1)."""
    alpha: float = Field(default=0.3, ge=partitions.ALPHA_LEAST, le=partitions.ALPHA_MOST)
    """Concentration of the family dirichlet."""
    shards_per_client: int = Field(default=2, ge=1)
    """Shards a client of the family shards."""
    replace: bool = False
    """Let an image serve several clients, though never one client twice: needed for more clients than the images
    suffice for. Clients of different tasks then share images, which no real federation does.
    """

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> DataSettings:
        if self.dataset == Source.DIGITS and self.folder is not None:
            raise OptionError(
                "the digits come with scikit-learn; leave it out, or choose another dataset", field="folder"
            )
        if self.dataset != Source.DIGITS and self.folder is None:
            raise OptionError(f"dataset {self.dataset} needs the folder of its files", field="folder")
        if self.family == Family.BY_WRITER and self.replace:
            raise OptionError("does not apply to family by_writer, where every client is one writer", field="replace")
        return self


def load_dataset(settings: DataSettings) -> Dataset:
    """Return the images that `dataset` and `folder` of the settings name.

    Raises
    ------
    FileFormatError, MissingDependencyError
        When the folder or its files are not what they should be; for the digits, without scikit-learn.

    Examples
    --------
    >>> load_dataset(DataSettings()).inputs.shape  # the digits, 8 by 8 pixels
    (1797, 64)
    """
    if settings.folder is None:
        return load_digits()
    return _LOADERS[settings.dataset](settings.folder)


def make_federation(settings: DataSettings, seed: int) -> FederatedData:
    """Load the images and divide them among the clients: `load_dataset`, then `federate`, which say what they refuse.

    Examples
    --------
    >>> data = make_federation(DataSettings(), seed=0)
    >>> data.inputs.shape, data.n_tasks, data.task[[0, 39]]
    ((40, 20, 64), 4, array([0, 3]))
    """
    return federate(load_dataset(settings), settings, seed)


def federate(dataset: Dataset, settings: DataSettings, seed: int) -> FederatedData:
    """Divide a data set among the clients.

    Test images are held out first, class by class; every task is judged by the same ones, transformed its way. Tasks
    get equally many clients, or one more where the number does not divide. All that is drawn depends on the seed.

    Raises
    ------
    OptionError
        When the images do not suffice, naming how many there are.

    Examples
    --------
    >>> settings = DataSettings(n_clients=8)
    >>> data = federate(load_dataset(settings), settings, seed=0)
    >>> data.n_clients, data.n_tasks
    (8, 4)
    """
    tasks = make_tasks(settings.family, settings.n_tasks, dataset.classes, dataset.shape)
    if settings.n_clients < len(tasks):
        raise OptionError(f"n_clients = {settings.n_clients}: must be at least the number of tasks, {len(tasks)}")
    training, test = _hold_out(dataset.labels, settings.test_fraction, generator(seed, "test images"))
    given = training[_partition(dataset, training, settings, seed)]
    task = np.arange(settings.n_clients) * len(tasks) // settings.n_clients
    inputs = np.empty((*given.shape, dataset.inputs.shape[1]), dtype=np.float32)
    labels = np.empty(given.shape, dtype=np.int64)
    for t, kind in enumerate(tasks):
        own = given[task == t]
        turned = kind.transform(dataset.inputs[own.ravel()], dataset.shape)
        inputs[task == t] = turned.reshape(*own.shape, -1)
        labels[task == t] = kind.labels[dataset.labels[own]]
    test_labels = np.stack([kind.labels[dataset.labels[test]] for kind in tasks])
    return FederatedData(
        inputs=inputs,
        labels=labels,
        samples=np.full(settings.n_clients, given.shape[1]),
        task=task,
        test_inputs=np.stack([kind.transform(dataset.inputs[test], dataset.shape) for kind in tasks]),
        test_labels=test_labels,
        test_of=task,
        test_weights=_test_weights(settings.family, labels, test_labels[task], dataset.classes),
        classes=dataset.classes,
        task_names=tuple(kind.name for kind in tasks),
    )


def _hold_out(labels: IntArray, fraction: float, rng: np.random.Generator) -> tuple[IndexArray, IndexArray]:
    """Hold out a share of every class, at least one image; places of what stays, and of what is held out."""
    held = np.zeros(len(labels), dtype=np.bool_)
    for c in range(int(labels.max()) + 1):
        own = rng.permutation(np.flatnonzero(labels == c))
        held[own[: max(1, round(fraction * len(own)))]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _partition(dataset: Dataset, training: IndexArray, settings: DataSettings, seed: int) -> IndexArray:
    labels, clients, images = dataset.labels[training], settings.n_clients, settings.images_per_client
    rng, replace = generator(seed, f"partition, {settings.family}"), settings.replace
    if settings.family == Family.DIRICHLET:
        return partitions.dirichlet(labels, clients, images, settings.alpha, rng, replace=replace)
    if settings.family == Family.SHARDS:
        return partitions.shards(labels, clients, images, settings.shards_per_client, rng, replace=replace)
    if settings.family == Family.BY_WRITER:
        writer = None if dataset.writer is None else dataset.writer[training]
        return partitions.by_writer(writer, clients, images, rng)
    return partitions.equal(labels, clients, images, rng, replace=replace)


def _test_weights(family: Family, labels: IntArray, test_labels: IntArray, classes: int) -> FloatArray:
    """Weigh classes as the client's test set has them, or as the client has them where clients differ in that."""
    counts = partitions.class_counts(labels if family in _SKEWED else test_labels, classes)
    weights: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    return weights
