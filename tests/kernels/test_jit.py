"""The decorator of the kernels: one stamp for the whole package, and a life without a cache."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


# -- a cache that is damaged, full, or out of reach -----------------------------------------------------------
#
# On a package of one small kernel with the same decorator: it compiles in a moment.

# A user that no list of users has; Numba is loaded before, from where only root may have access.
NOBODY = """
import numba, os
numba.njit(lambda x: 2 * x)(21)
os.setuid(12345)
"""

CALL = """
from small.kernel import double, is_compiled
print(is_compiled(double), double(21), double.stats.cache_hits.total(), flush=True)
"""


@pytest.fixture
def small() -> Iterator[Path]:
    """Make a package of one kernel, where every user may read it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "small").mkdir()
        for file in ("jit.py", "parts.py"):
            shutil.copy(PACKAGE / "kernels" / file, folder / "small")
        (folder / "small" / "__init__.py").touch()
        code = "from .jit import is_compiled, jit\n\n\n@jit\ndef double(x):\n    return 2 * x\n"
        (folder / "small" / "kernel.py").write_text(code)
        (folder / "elsewhere").mkdir()
        yield folder


def _call(folder: Path, code: str = CALL, **options: Any) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")}
    environment |= {"PYTHONPATH": str(folder)} | options.pop("env", {})
    for name in [name for name, value in environment.items() if value is None]:
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=folder / "elsewhere",
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def _cache(folder: Path, kind: str) -> Path:
    (found,) = (folder / "small" / "__pycache__").glob(f"*.{kind}")
    return found


def test_a_cache_serves_the_next_process(small: Path) -> None:
    assert _call(small) == "False 42 0"
    assert _call(small) == "True 42 1"


def test_without_a_place_for_a_cache_kernels_compile_each_time(small: Path) -> None:
    """As in a read-only installation that is not warm, of a user without a home."""
    _call(small)
    code = (
        "from small import jit\n"
        "def refuse(function):\n"
        "    raise RuntimeError('cannot cache function: no locator available')\n"
        "jit._KernelCache = refuse\n"
        "from small.kernel import double, is_compiled\n"
        "print(is_compiled(double), double(21), is_compiled(double))\n"
    )
    assert _call(small, code) == "False 42 True"


DAMAGE = """
import pathlib
from small.jit import jit
from small.kernel import double

def call():
    again = jit(double.py_func)
    return again(21), again.stats.cache_hits.total()

call()
for file in sorted(pathlib.Path(double.stats.cache_path).glob("*.nb*")):
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (b"", whole[:-9], bytes(flipped), b"x" * 4096):
        file.write_bytes(damaged)
        assert call() == (42, 0), damaged[:9]
        assert call() == (42, 1), damaged[:9]
    file.unlink()
    assert call() == (42, 0)
    assert call() == (42, 1)
    file.unlink()
    file.mkdir()
    assert call() == call() == (42, 0)
    file.rmdir()
    call()
    print(file.suffix)
"""


def test_a_damaged_file_counts_as_missing_and_is_replaced(small: Path) -> None:
    assert _call(small, DAMAGE) == ".nbc\n.nbi"


def test_machine_code_of_other_arguments_is_not_taken_for_these(small: Path) -> None:
    """As when two processes that compile at once give one name to two entries."""
    _call(small, "from small.kernel import double; double(21); double(2.5)")
    first, second = sorted((small / "small" / "__pycache__").glob("*.nbc"))
    code = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(code)
    assert _call(small, CALL + "print(double(2.5))") == "True 42 0\n5.0"


def test_a_full_disk_leaves_the_kernel_uncached(small: Path) -> None:
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # noqa: E731 - as good as no space at all
    # A subprocess's pipes are no files: it can still print.
    assert _call(small, preexec_fn=full, env={"PYTHONDONTWRITEBYTECODE": "1"}) == "False 42 0"
    assert not [file for file in (small / "small" / "__pycache__").glob("*.nb*") if file.stat().st_size]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_a_home_reads_the_cache_of_the_installation(small: Path) -> None:
    (small / "elsewhere").chmod(0o777)
    environment = {"HOME": None, "XDG_CACHE_HOME": None}
    assert _call(small, NOBODY + CALL, env=environment) == "False 42 0"
    _call(small)
    assert _call(small, NOBODY + CALL, env=environment) == "True 42 1"
    assert list((small / "elsewhere").iterdir()) == [], "no folder named ~ where the process stood"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_warm_folder_that_cannot_be_written_is_read(small: Path) -> None:
    chosen = small / "chosen"
    environment = {"NUMBA_CACHE_DIR": str(chosen)}
    _call(small, env=environment)
    double = "from small.kernel import double; print(double(2.5))"
    assert _call(small, NOBODY + double, env=environment) == "5.0"


def test_without_the_inside_of_numba_its_own_cache_serves_and_its_errors_are_passed_over(small: Path) -> None:
    other = (
        "import numba.core.caching as inside\n"
        "names = ('CompileResultCacheImpl', 'IndexDataCacheFile')\n"
        "for name in names:\n"
        "    vars(inside)['_' + name] = vars(inside).pop(name)\n"
    )
    # Numba itself needs one of these names when it makes a cache: give them back once the decorator has looked.
    other += "import small.jit\nfor name in names:\n    vars(inside)[name] = vars(inside).pop('_' + name)\n"
    assert _call(small, other + CALL) == "False 42 0"
    assert _call(small, other + CALL) == "True 42 1"
    assert not list((small / "small" / "__pycache__").glob("*.checked.*"))
    _cache(small, "nbc").write_bytes(b"")
    assert _call(small, other + CALL).split()[1:] == ["42", "0"]
