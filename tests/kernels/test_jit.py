"""The decorator of the kernels: one stamp for the whole package, and a life without a cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fedss_opt
from fedss_opt.kernels import closed_forms, is_compiled, jit

PACKAGE = Path(fedss_opt.__file__).parent

needs_compiler = pytest.mark.skipif(
    not hasattr(closed_forms.upload_time, "py_func"), reason="NUMBA_DISABLE_JIT leaves nothing to compile"
)


def _run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_compiler
def test_the_stamp_covers_every_file_of_the_package() -> None:
    digest = hashlib.sha256()
    for path in sorted((PACKAGE / "kernels").glob("*.py")):
        digest.update(path.read_bytes())
    stamp = jit._sources()
    assert len(stamp) == len(digest.hexdigest())
    for kernel in jit._dispatchers:
        cache_file = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
        if cache_file is not None:
            assert cache_file._source_stamp == stamp


@needs_compiler
def test_compiled_is_told_from_cached_and_from_neither(tmp_path: Path) -> None:
    probe = (
        "from fedss_opt.kernels import closed_forms as f\n"
        "from fedss_opt.kernels.jit import is_compiled\n"
        "print(is_compiled(f.upload_time), end=' ')\n"
        "f.upload_time(1.0, 1.0, 1.0)\n"
        "print(is_compiled(f.upload_time), end=' ')\n"
        "print(is_compiled(f.upload_time, f.best_bandwidth))\n"
    )
    # An empty cache: nothing, then loaded; the next process finds it on disk.
    assert _run(probe, NUMBA_CACHE_DIR=str(tmp_path)) == "False True False"
    assert _run(probe, NUMBA_CACHE_DIR=str(tmp_path)) == "True True False"


@needs_compiler
def test_without_a_place_for_a_cache_kernels_compile_each_time() -> None:
    """As in a read-only installation of a user without a home."""
    code = (
        "import numba\n"
        "real = numba.njit\n"
        "def refuse(*args, **options):\n"
        "    if options.pop('cache', False):\n"
        "        raise RuntimeError('cannot cache function: no locator available')\n"
        "    return real(*args, **options)\n"
        "numba.njit = refuse\n"
        "from fedss_opt.kernels import closed_forms as f\n"
        "from fedss_opt.kernels.jit import is_compiled\n"
        "print(is_compiled(f.upload_time), f.upload_time(6.0, 2.0, 2.0), is_compiled(f.upload_time))\n"
    )
    assert _run(code) == "False 3.0 True"


def test_disabled_compilation_leaves_plain_functions() -> None:
    code = (
        "from fedss_opt.kernels import closed_forms as f, is_compiled\n"
        "print(is_compiled(), f.upload_time(6.0, 2.0, 2.0), hasattr(f.upload_time, 'py_func'))\n"
    )
    assert _run(code, NUMBA_DISABLE_JIT="1") == "True 3.0 False"


@pytest.mark.usefixtures("warm")
def test_after_a_solve_everything_is_compiled() -> None:
    assert is_compiled()


@needs_compiler
def test_options_that_keep_floating_point_honest() -> None:
    for kernel in jit._dispatchers:
        assert not kernel.targetoptions.get("fastmath", False)
        assert kernel.targetoptions["error_model"] == "numpy"
        assert kernel.targetoptions["nogil"]


def test_kernels_do_without_parts_where_numba_has_none_of_their_kind(tmp_path: Path) -> None:
    """Another Numba inside: kernels then call each other as Numba has them do."""
    script = (
        "import sys; sys.modules['fedss_opt.kernels.parts'] = None\n"
        "import numpy as np\n"
        "from fedss_opt.kernels import jit, vectors\n"
        "assert jit.PartCompiler is None\n"
        "assert vectors.median(np.array([3.0, 1.0, 2.0]), np.zeros(1, dtype=np.bool_)) == 2.0\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
