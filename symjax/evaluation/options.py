"""What is evaluated, and how much of it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is evaluated, and how much of it.

    Attributes:
      suite: the split of the data set.
      decoder: the search that writes the answers.
      num_examples: the first so many problems of the suite; 0 for all.
      batch_size: problems decoded at once.
      bootstrap: resamplings behind every interval; 0 for none.
      unconstrained_examples: problems decoded a second time without the grammar, to see how often the model is well
        formed by itself, in equal shares of the processes; 0 for none.
      max_training: training problems, the first ones, that the nearest neighbour is sought among; 0 for all.
      solver_examples: problems, the first ones, that SymPy is given too, for tasks that it can answer; 0 for none.
      solver_seconds: CPU time that SymPy may take for one of them.
      reference_verdicts: answers, the first ones, that the check of published figures judges too; 0 for none.
      verify_workers: processes that judge answers; 0 judges in this process, without limits.
      verify_seconds: time limit of one verdict in a worker; what exceeds it is undetermined, never wrong.
    """

    suite: str = "test"
    decoder: str = "greedy"
    num_examples: int = 0
    batch_size: int = 256
    bootstrap: int = 1000
    unconstrained_examples: int = 256
    max_training: int = 0
    solver_examples: int = 30
    solver_seconds: float = 2.0
    reference_verdicts: int = 0
    verify_workers: int = 0
    verify_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in (
            "num_examples", "bootstrap", "unconstrained_examples", "max_training", "solver_examples",
            "reference_verdicts", "verify_workers",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise ValueError(f"evals.{name} is {getattr(self, name)}; it must be 0 or more")
        if self.batch_size < 1:
            raise ValueError(f"evals.batch_size is {self.batch_size}; it must be 1 or more")
        for name in ("solver_seconds", "verify_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"evals.{name} is {getattr(self, name)}; it must be above 0")
        for name in ("suite", "decoder"):
            value = getattr(self, name)
            if not value or set(value) & set("/\\. "):
                raise ValueError(f"evals.{name} is {value!r}; it names a folder: no slash, dot or space, not empty")
