"""The settings that people turn when they generate text, together."""

from dataclasses import dataclass

from minillm.generation import arguments, sampling
from minillm.types import Array


@dataclass(frozen=True)
class SamplingSettings:
    """How a next token is chosen; None leaves a filter out. The defaults change nothing.

    Applied in this order, the usual one: repetition penalty, temperature, top-k, top-p,
    min-p. Each filter sees the distribution that the one before it left, renormalised.
    `temperature` 0 is greedy. See `sampling` for what each means and accepts.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        arguments.check_temperature(self.temperature)
        if self.top_k is not None:
            arguments.check_top_k(self.top_k)
        if self.top_p is not None:
            arguments.check_top_p(self.top_p)
        if self.min_p is not None:
            arguments.check_min_p(self.min_p)
        arguments.check_penalty(self.repetition_penalty)

    def distribution(self, logits: Array, previous_ids: Array) -> Array:
        """The exact probabilities, in float64, from which the next token is drawn.

        Shapes: logits (..., vocab_size), previous_ids (..., n) -> (..., vocab_size).
        """
        z = logits
        if self.repetition_penalty != 1:
            z = sampling.repetition_penalty(z, previous_ids, self.repetition_penalty)
        z = sampling.temperature(z, self.temperature)
        if self.top_k is not None:
            z = sampling.top_k(z, self.top_k)
        if self.top_p is not None:
            z = sampling.top_p(z, self.top_p)
        if self.min_p is not None:
            z = sampling.min_p(z, self.min_p)
        return sampling.probabilities(z)
