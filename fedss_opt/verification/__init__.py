"""Verification: claims of the package checked by independent arithmetic and by other people's solvers.

`verify_solution` reads `Problem` and `Solution` and reports in the records of `fedss_opt.claims`; nothing else of the
package is used. The extra ``verify`` brings python-flint, the extra ``scip`` SCIP. See ``docs/verification.md``.
"""

from .allowances import DOCUMENTED, STRICT, Allowances
from .rigorous_check import verify_solution

__all__ = ["DOCUMENTED", "STRICT", "Allowances", "verify_solution"]
