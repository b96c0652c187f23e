"""Many problems at once: `ProblemBatch`, `solve_batch`, `BatchSolution` (``docs/how-to/batches.md``)."""

from .batch_solve import solve_batch
from .problems import ProblemBatch
from .solutions import BatchSolution

__all__ = ["BatchSolution", "ProblemBatch", "solve_batch"]
