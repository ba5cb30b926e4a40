"""Schedules: the learning rate of a step. Steps count from 1, as in the papers."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """lr at every step."""

    lr: float

    def __post_init__(self) -> None:
        _check(self.lr > 0, f"lr {self.lr} must be above 0")

    def __call__(self, step: int) -> float:
        return self.lr


@dataclass(frozen=True)
class WarmupCosine:
    """A straight line up, then half a cosine down (Loshchilov & Hutter 2017, eq. 5).

        lr step / warmup_steps                                      up to warmup_steps
        lr (final + (1 - final) (1 + cos(pi progress)) / 2)         after, where
        progress = (step - warmup_steps) / (total_steps - warmup_steps)

    `final` is the share of lr that is left at the last step, and stays.
    """

    lr: float
    warmup_steps: int
    total_steps: int
    final: float = 0.05

    def __post_init__(self) -> None:
        _check(self.lr > 0, f"lr {self.lr} must be above 0")
        _check(0 <= self.final <= 1, f"final {self.final}: give 0 <= final <= 1")
        _check(
            0 <= self.warmup_steps <= self.total_steps,
            f"warmup_steps {self.warmup_steps}: give 0 to total_steps {self.total_steps}",
        )

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.lr * step / self.warmup_steps
        falling = max(1, self.total_steps - self.warmup_steps)
        progress = min(1.0, (step - self.warmup_steps) / falling)
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return self.lr * (self.final + (1 - self.final) * cosine)


@dataclass(frozen=True)
class Noam:
    """Up in a line, down with the root of the step (Vaswani et al. 2017, eq. 3).

        factor d_model^-0.5 min(step^-0.5, step warmup_steps^-1.5)

    The paper has no factor; its peak is (d_model warmup_steps)^-0.5.
    """

    d_model: int
    warmup_steps: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        _check(self.d_model >= 1, f"d_model {self.d_model} must be at least 1")
        _check(self.warmup_steps >= 1, f"warmup_steps {self.warmup_steps}: at least 1")
        _check(self.factor > 0, f"factor {self.factor} must be above 0")

    def __call__(self, step: int) -> float:
        rising = step * self.warmup_steps**-1.5
        return self.factor * self.d_model**-0.5 * min(step**-0.5, rising)


def _check(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(fault)
