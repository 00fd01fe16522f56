"""How long a run is, how often it looks up, and on what devices."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How long, how often, on what.

    Attributes:
      num_steps: updates.
      log_every: steps between lines of the log; a line holds means over them.
      eval_every: steps between evaluations on the validation split, each of which writes a checkpoint.
      eval_examples: validation problems of each; 0 for all.
      patience: evaluations without a better score after which training ends; 0 for never.
      gradient_accumulation: micro-batches that a batch is cut into, for less memory; results stay the same, up to
        rounding and to which units dropout takes.
      label_smoothing: share of the target probability that is spread evenly over the vocabulary.
      token_weights: (regular expression, weight) pairs; the first that matches a whole answer token weighs its loss.
      mesh_data, mesh_model: devices along the two axes of the mesh; mesh_data 0 takes all that mesh_model leaves.
      init_from: run folder whose best parameters a new run starts from; empty for fresh ones.
    """

    num_steps: int = 1000
    log_every: int = 50
    eval_every: int = 500
    eval_examples: int = 512
    patience: int = 0
    gradient_accumulation: int = 1
    label_smoothing: float = 0.0
    token_weights: tuple[tuple[str, float], ...] = ()
    mesh_data: int = 0
    mesh_model: int = 1
    init_from: str = ""

    def __post_init__(self) -> None:
        for name, least in (
            ("num_steps", 1),
            ("log_every", 1),
            ("eval_every", 1),
            ("eval_examples", 0),
            ("patience", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"train.{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"train.label_smoothing is {self.label_smoothing}; it must be at least 0 and below 1")
