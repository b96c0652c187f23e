"""The one decorator of the kernels: Numba, cached, releasing the GIL, strict about floating point.

``fastmath`` stays off (it deletes NaN checks and compensated sums), and ``error_model="numpy"`` lets a
division by zero give infinity as IEEE 754 says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

try:
    from .parts import PartCompiler
except (ImportError, AttributeError):  # another Numba inside
    PartCompiler = None  # type: ignore[assignment,misc]

__all__ = ["inlined", "is_compiled", "jit"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_dispatchers: list[Any] = []


@cache
def _sources() -> str:
    """Hash every file of kernels and client models: one is stale as soon as any that it may call has changed."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(__file__).parents[1] / "client_models"):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def jit(function: F) -> F:
    """Compile `function` with its first call and keep the machine code for the next process.

    Numba stamps a cached kernel with its own file alone, so an edit in a callee of another file would go
    unnoticed; the stamp is replaced by one over the whole package. Where no folder can hold a cache (a
    read-only installation without a home), the kernel is compiled in every process instead.
    """
    try:
        compiled = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        compiled = numba.njit(**_OPTIONS)(function)
    cache_file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if cache_file is not None and hasattr(cache_file, "_source_stamp"):
        cache_file._source_stamp = _sources()
    _link_as_part(function, compiled)
    _dispatchers.append(compiled)
    return cast(F, compiled)


def _link_as_part(function: Callable[..., Any], compiled: Any, forceinline: bool = False) -> None:
    """Let other kernels call `function` as a part, linked into them, while Python calls `compiled`.

    Arguments are typed without their literal values: ``f(x, 200)`` and ``f(x, 100)`` are one part. Where Numba's inside
    is not what `parts` was written for, kernels call each other as Numba has them do: slower to compile, not to run.
    """
    if PartCompiler is None or not hasattr(compiled, "get_call_template"):  # the latter: NUMBA_DISABLE_JIT
        return
    part = numba.njit(pipeline_class=PartCompiler, forceinline=forceinline, **_OPTIONS)(function)
    whole = compiled.get_call_template

    def call_template(args: Any, kws: Any) -> Any:
        try:
            return part.get_call_template([_plain(a) for a in args], {name: _plain(a) for name, a in kws.items()})
        except (AttributeError, NotImplementedError):
            return whole(args, kws)

    compiled.get_call_template = call_template
    compiled.get_overload = part.get_overload


def _plain(argument: Any) -> Any:
    return numba.types.unliteral(argument)  # type: ignore[no-untyped-call]


def inlined(function: F) -> F:
    """Compile `function` into each of its callers: for the arithmetic of loops that are to become SIMD code.

    The compiler's own judgement leaves large functions as calls, and a loop with a call in it stays scalar. Not cached
    by itself; its callers are.
    """
    compiled = numba.njit(forceinline=True, **_OPTIONS)(function)
    _link_as_part(function, compiled, forceinline=True)
    return cast(F, compiled)


def is_compiled(*functions: Any) -> bool:
    """Tell whether the kernels' machine code is at hand: loaded, or in this machine's cache.

    Without it the first solve compiles, which takes seconds and is worth announcing.
    """
    for function in functions:
        if not hasattr(function, "py_func"):  # NUMBA_DISABLE_JIT: nothing will be compiled
            continue
        if function.signatures:
            continue
        cache_file = getattr(getattr(function, "_cache", None), "_cache_file", None)
        if cache_file is None or not cache_file._load_index():
            return False
    return True
