"""Images, their division among clients, and the tasks made of them."""

from .dataset import Dataset, load_digits
from .federated import FederatedData
from .federation import DataSettings, Source, federate, load_dataset, make_federation
from .task_families import Family, Task, make_tasks

__all__ = [
    "DataSettings",
    "Dataset",
    "Family",
    "FederatedData",
    "Source",
    "Task",
    "federate",
    "load_dataset",
    "load_digits",
    "make_federation",
    "make_tasks",
]
