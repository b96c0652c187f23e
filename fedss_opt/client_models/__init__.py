"""Client models, one file each: what a client can do with bandwidth. Nothing above them asks which one it is.

A new one is a file beside `flat` and a place in `MODELS`, and its link's row in the table of fields.
"""

from .flat import FLAT
from .model import ClientModel, ClosedForms
from .shannon import SHANNON

__all__ = ["MODELS", "ClientModel", "ClosedForms"]

MODELS: tuple[ClientModel, ...] = (SHANNON, FLAT)
"""All models. Kernels know one by its place."""
