"""Images, their division among clients, and the tasks made of them."""

from .dataset import Dataset
from .federated import FederatedData
from .federation import DataSettings, federate, load_dataset, make_federation
from .task_families import Task

__all__ = [
    "DataSettings",
    "Dataset",
    "FederatedData",
    "Task",
    "federate",
    "load_dataset",
    "make_federation",
]
