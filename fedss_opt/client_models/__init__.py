"""Client models, one file each: what a client can do with bandwidth. Nothing above them asks which one it is.

The table of fields names them: a model is the file that the row of its link names.
"""

from importlib import import_module

from ..fields import LINKS
from .model import ClientModel, ClosedForms

__all__ = ["MODELS", "ClientModel", "ClosedForms"]

MODELS: tuple[ClientModel, ...] = tuple(import_module(f".{name}", __name__).MODEL for name in LINKS)
"""All models. Kernels know one by its place."""
