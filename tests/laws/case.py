"""One thing that the laws are held against, with inputs drawn for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minillm.layers import Module


@dataclass
class Case:
    """`call(*inputs, **constants)` gives (y, backward).

    Inputs get a gradient each; constants (ids, masks, targets, draws) get none. Where
    `module` is given, its parameters get theirs too; call uses it by closure.
    """

    call: Callable[..., Any]
    inputs: tuple[np.ndarray, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    module: Module | None = None
    step: float = 1e-3  # of the finite differences: smaller beside a kink

    def parameters(self):
        return [] if self.module is None else list(self.module.named_parameters())

    def cast(self, dtype):
        """The same case with every float in another dtype."""
        self.inputs = tuple(x.astype(dtype) for x in self.inputs)
        for name, c in self.constants.items():
            if isinstance(c, np.ndarray) and c.dtype.kind == "f":
                self.constants[name] = c.astype(dtype)
        if self.module is not None:
            self.module.astype(dtype)
        return self

    def run(self):
        return self.call(*self.inputs, **self.constants)

    def gradients(self, backward, dy):
        """Every gradient that backward makes: of the inputs, then of the parameters."""
        for _, p in self.parameters():
            p.grad = None
        dx = backward(dy)
        dx = () if dx is None else dx if isinstance(dx, tuple) else (dx,)
        return [*dx, *(p.grad for _, p in self.parameters())]
