"""How kernels call kernels: as parts that are linked into the caller and optimised once, with the whole.

Numba optimises every compiled function on its own and turns it into machine code, also where it is only ever called by
another one that links, optimises and emits it all over again. With a hundred kernels on ten levels that is most of the
first compile. A *part* is lowered to LLVM's intermediate code and left there; only what Python calls is finished.

This reaches inside Numba. `fedss_opt.kernels.jit` does without where the inside has changed: kernels then compile
slower and run the same.
"""

# mypy: disable-error-code="no-untyped-call,attr-defined"

from __future__ import annotations

from functools import cache
from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

__all__ = ["PartCompiler"]


class _PartLibrary(JITCodeLibrary):
    """Intermediate code for linking: neither optimised nor made executable on its own."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Lower a function into a `_PartLibrary`."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags = Flags(state.flags)
        state.flags.no_compile = True
        state.flags.no_cpython_wrapper = True
        super().run_pass(state)
        fndesc = state.cr.fndesc
        name = fndesc.qualname.split(".")[-1]
        key = _dynfunc.make_function(fndesc.lookup_module(), name, "", 0, state.cr.env, (state.library,))
        state.cr = state.cr._replace(cfunc=key)
        state.targetctx.insert_user_function(key, state.cr.fndesc, [state.library])
        return True


class _SharedFlags(Flags):
    """Flags that are never changed: one object for all parts, so that Numba's caches find it by identity."""

    __slots__ = ("_hash",)

    def __init__(self, flags: Flags) -> None:
        super().__init__(flags)
        self._hash: int = super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or bool(super().__eq__(other))

    def copy(self) -> _SharedFlags:
        """Return itself: nobody changes it."""
        return self


_shared = cache(_SharedFlags)


class PartCompiler(CompilerBase):
    """Numba's own pipeline, with the lowering replaced."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, args: Any, restype: Any, flags: Any, names: Any):
        super().__init__(typingctx, targetctx, library, args, restype, _shared(flags), names)

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes with a part's lowering in place of the native one."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [
            (_PartLowering, description) if step is NativeLowering else (step, description)
            for step, description in pipeline.passes
        ]
        pipeline._finalized = False
        pipeline.finalize()
        return [pipeline]
