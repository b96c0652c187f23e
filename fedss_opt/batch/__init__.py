"""Many problems at once: `ProblemBatch`, `solve_batch`, `BatchSolution` (``docs/how-to/batches.md``)."""

from .problems import ProblemBatch
from .solutions import BatchSolution
from .solve import solve_batch

__all__ = ["BatchSolution", "ProblemBatch", "solve_batch"]
