"""The court: claims of the package checked by independent arithmetic and by other people's solvers.

`verify_solution` reads `Problem` and `Solution` and nothing else of the package. The extra ``verify`` brings
python-flint, the extra ``referees`` SCIP. See ``docs/verification.md``.
"""

from .certificates import verify_solution
from .verdicts import DOCUMENTED, STRICT, Allowances, Claim, Report, Verdict

__all__ = ["DOCUMENTED", "STRICT", "Allowances", "Claim", "Report", "Verdict", "verify_solution"]
