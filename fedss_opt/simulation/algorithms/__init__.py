"""The algorithms, one file each, and `make_algorithm`, which finds the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from ...exceptions import OptionError
from ...wording import one_of
from .base import Algorithm, AlgorithmSettings, Federation, message_bits

__all__ = ["ALGORITHMS", "Algorithm", "AlgorithmSettings", "algorithm_type", "message_bits"]

ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "fedss": ("fedss", "FedSS"),
    "oracle_clustered": ("clusters", "OracleClustered"),
    "clustered": ("clusters", "Clustered"),
    "fedavg": ("fedavg", "FedAvg"),
    "fedavg_finetune": ("fedavg", "FedAvgFinetune"),
    "fedprox": ("fedavg", "FedProx"),
    "fedper": ("personal", "FedPer"),
    "fedrep": ("personal", "FedRep"),
    "ditto": ("personal", "Ditto"),
    "fedu": ("personal", "FedU"),
    "ifca": ("ifca", "IFCA"),
    "cfl": ("cfl", "CFL"),
    "fedmgda": ("multi_objective", "FedMGDA"),
    "mgda_momentum": ("multi_objective", "MGDAMomentum"),
    "sub_fedavg": ("personal_masks", "SubFedAvg"),
    "lotteryfl": ("personal_masks", "LotteryFL"),
    "local": ("personal", "Local"),
}
"""Algorithm name -> module and class."""


def algorithm_type(name: str) -> type[Algorithm]:
    """Return the class of an algorithm; `OptionError` for a name that is none of `ALGORITHMS`.

    Examples
    --------
    >>> algorithm_type("fedss").__name__
    'FedSS'
    """
    if name not in ALGORITHMS:
        raise OptionError(field="algorithm", value=name, accepted=one_of(name, ALGORITHMS))
    module, attribute = ALGORITHMS[name]
    found: type[Algorithm] = getattr(import_module(f".{module}", __name__), attribute)
    return found


def make_algorithm(
    name: str, federation: Federation, options: Mapping[str, Any] | AlgorithmSettings | None = None
) -> Algorithm:
    """Return an algorithm for a federation, not yet started.

    Parameters
    ----------
    name : str
        One of `ALGORITHMS`.
    federation : Federation
        Data, model, training and seed.
    options : mapping or AlgorithmSettings, optional
        Its options; defaults for those left out.

    Raises
    ------
    OptionError
        For an unknown name, an unknown option, or one outside what it accepts.

    Examples
    --------
    >>> from fedss_opt.simulation.data import DataSettings, make_federation
    >>> from fedss_opt.simulation.models import make_model
    >>> from fedss_opt.simulation.training import TrainingSettings
    >>> data = make_federation(DataSettings(n_clients=8), seed=0)
    >>> model = make_model("mlp", data.features, [20], data.classes)
    >>> federation = Federation(data=data, model=model, training=TrainingSettings(), seed=0)
    >>> make_algorithm("fedss", federation, {"density": 0.5}).settings.density
    0.5
    """
    kind = algorithm_type(name)
    if isinstance(options, kind.settings_type):
        return kind(federation, options)
    given = options.model_dump() if isinstance(options, AlgorithmSettings) else dict(options or {})
    try:
        return kind(federation, kind.settings_type(**given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise OptionError(f"{name}.{key} = {first['input']!r}: {first['msg']}") from None
