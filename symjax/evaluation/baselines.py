"""Predictors that stand beside the model: constants, the problem itself, the nearest training problem, a solver.

A figure means nothing alone.  Constant answers and the problem copied show what the metric gives away for free, the
nearest neighbour shows what memory alone reaches, and the reference answer, as labels write it, shows the best that
any model can score.  SymPy under a time limit shows what needs no learning.
"""

from __future__ import annotations

from collections.abc import Sequence

from symjax.evaluation.neighbours import Neighbours, nearest
from symjax.tasks import Example, HasBaselines, Rejection, Task, Tokens

NEAREST = "nearest_neighbour"
ROUNDING = "rounding_floor"
REFERENCE = "reference_answer"
SOLVER = "sympy"


def baseline_answers(
    task: Task, examples: Sequence[Example], training: Sequence[Example], *, max_training: int = 0
) -> tuple[dict[str, list[Tokens]], Neighbours | None]:
    """Answers to `examples` by baseline name: the task's own, `nearest_neighbour`, and the reference answer.

    The last is called `rounding_floor`, or `reference_answer` where labels are not rounded.  Without training examples
    there are no constants and no neighbours.  `max_training` caps the training examples that the neighbour is sought
    among, the first ones staying; 0 takes all.
    """
    answers: dict[str, list[Tokens]] = {}
    neighbours = None
    if training:
        for name, answer in task.trivial_answers(training).items():
            answers[name] = [answer] * len(examples)
        pool = training[:max_training] if max_training else training
        vocabulary = task.problem_vocabulary
        neighbours = nearest(
            [vocabulary.encode(example.problem) for example in examples],
            [vocabulary.encode(example.problem) for example in pool],
            vocabulary_size=len(vocabulary),
        )
        answers[NEAREST] = [pool[place].answer for place in neighbours.places]
    if isinstance(task, HasBaselines):
        own_answers = [task.baseline_answers(example.problem) for example in examples]
        for name in dict.fromkeys(name for given in own_answers for name in given):
            answers[name] = [given.get(name, ()) for given in own_answers]
    answers[REFERENCE if isinstance(task, HasBaselines) else ROUNDING] = [example.answer for example in examples]
    return answers, neighbours


def solver_answers(task: Task, examples: Sequence[Example], *, seconds: float) -> list[Tokens | Rejection] | None:
    """What SymPy answers within so many seconds of each problem, or why nothing; None for a task without solver."""
    if not isinstance(task, HasBaselines):
        return None
    with task.solver(seconds) as solve:
        return [solve(example.problem) for example in examples]
