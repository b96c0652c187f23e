"""The one decorator of the kernels: Numba, cached, releasing the GIL, strict about floating point.

``fastmath`` stays off (it deletes NaN checks and compensated sums), and ``error_model="numpy"`` lets a
division by zero give infinity as IEEE 754 says.

A cache is a convenience: whatever is wrong with it, a kernel is compiled. Its files carry a checksum, and one that is
damaged counts as missing; one that cannot be written is left out. This reaches inside Numba; where the inside has
changed, Numba's own cache serves, with its errors passed over.
"""

# mypy: disable-error-code="no-untyped-call,attr-defined"

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

try:
    from numba.core import caching
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

    # Older releases have these names with an underscore.
    InTreeCacheLocator: Any = getattr(caching, "InTreeCacheLocator", None) or caching._InTreeCacheLocator
    UserWideCacheLocator: Any = getattr(caching, "UserWideCacheLocator", None) or caching._UserWideCacheLocator
except (ImportError, AttributeError):  # another Numba inside
    CompileResultCacheImpl = FunctionCache = IndexDataCacheFile = object  # type: ignore[misc,assignment]
    InTreeCacheLocator = UserWideCacheLocator = object

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

    Where no folder can hold a cache (a read-only installation without a home), that of the installation is read, if it
    is warm; otherwise the kernel is compiled in every process.
    """
    compiled = numba.njit(**_OPTIONS)(function)
    if hasattr(compiled, "_cache"):  # not so with NUMBA_DISABLE_JIT
        compiled = _cached(function, compiled)
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
    return numba.types.unliteral(argument)


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
        held = getattr(function, "_cache", None)
        files = getattr(held, "files", None) or [getattr(held, "_cache_file", None)]
        if not any(file is not None and file._load_index() for file in files):
            return False
    return True


# -- the cache ----------------------------------------------------------------------------------------------


def _cached(function: Callable[..., Any], compiled: Any) -> Any:
    """Return a kernel with a cache: the package's own, or Numba's, or none where no folder can hold one."""
    try:
        compiled._cache = _KernelCache(function)
    except RuntimeError:  # no folder
        return compiled
    except Exception:  # another Numba inside
        try:
            compiled = numba.njit(cache=True, **_OPTIONS)(function)
        except RuntimeError:
            return compiled
        # Numba stamps a cached kernel with its own file alone, so that an edit in a callee would go unnoticed.
        cache_file: Any = getattr(compiled._cache, "_cache_file", None)
        if hasattr(cache_file, "_source_stamp"):
            cache_file._source_stamp = _sources()
    _pass_errors_over(compiled._cache)
    return compiled


def _pass_errors_over(held: Any) -> None:
    """Let a cache that fails to load have nothing, and one that fails to save go without."""
    load, save = held.load_overload, held.save_overload

    def load_if_possible(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:
            return None

    def save_if_possible(*arguments: Any) -> None:
        try:
            save(*arguments)
        except Exception:
            return

    held.load_overload, held.save_overload = load_if_possible, save_if_possible


class _CheckedFiles(IndexDataCacheFile):
    """A kernel's index and machine code on disk, each behind its checksum, and the machine code with its key."""

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        # Two processes that compile at once may take one name for two entries.
        return found[1] if found is not None and found[0] == key else None

    def _load_index(self) -> Any:
        found = self._read(self._index_path)
        return found[1] if found is not None and found[0] == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: Any) -> None:
        self._write(self._index_path, ((self._version, self._source_stamp), overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        data = self._dump(content)
        with self._open_for_write(path) as stream:
            stream.write(hashlib.sha256(data).digest())
            stream.write(data)

    @staticmethod
    def _read(path: str) -> Any:
        try:
            whole = memoryview(Path(path).read_bytes())
        except OSError:
            return None
        size = hashlib.sha256().digest_size
        return pickle.loads(whole[size:]) if hashlib.sha256(whole[size:]).digest() == whole[:size] else None


class _InTheHome(UserWideCacheLocator):  # type: ignore[misc]
    """The user's folder, where the user has a home: Numba would make a folder named ``~`` wherever it stands."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        there = os.path.isabs(cls(py_func, py_file).get_cache_path())
        return super().from_function(py_func, py_file) if there else None


class _BesideTheKernels(InTreeCacheLocator):  # type: ignore[misc]
    """The installation's own folder, writable or not."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        return cls(py_func, py_file) if os.path.exists(py_file) else None


class _KernelCacheFolders(CompileResultCacheImpl):
    """Where a kernel's files may be, the first that will do."""

    _locator_classes = [  # noqa: RUF012
        *(
            _InTheHome if one is UserWideCacheLocator else one
            for one in getattr(CompileResultCacheImpl, "_locator_classes", ())
        ),
        _BesideTheKernels,
    ]


class _KernelCache(FunctionCache):
    """Numba's cache of a function, with files that are checked, and those of the installation beside the user's own."""

    _impl_class = _KernelCacheFolders

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        beside = _BesideTheKernels.from_function(function, function.__code__.co_filename)
        folders = [self.cache_path] if numba.config.CACHE_DIR else [self.cache_path, beside.get_cache_path()]
        # A name of its own: Numba's own cache could not read these files.
        name = f"{self._impl.filename_base}.checked"
        self.files = [_CheckedFiles(folder, name, _sources()) for folder in dict.fromkeys(folders)]
        self._cache_file = self.files[0]

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        key = self._index_key(sig, target_context.codegen())
        found = next((data for file in self.files if (data := file.load(key)) is not None), None)
        return None if found is None else self._impl.rebuild(target_context, found)
