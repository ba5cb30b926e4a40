"""One thing whose gradient is checked, with inputs drawn for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np

from minillm.gradient_check.check import SMALL, check_gradients, check_parameters
from minillm.layers import Module, Parameter
from minillm.types import Array, DType

Rng: TypeAlias = np.random.Generator
Sizes: TypeAlias = Sequence[int]  # six, all different: a forgotten transpose cannot hide
Build: TypeAlias = Callable[[Rng, Sizes], "Case"]  # a case, with random numbers in it


@dataclass
class Case:
    """`call(*inputs, **constants)` gives (y, backward).

    Inputs get a gradient each; constants (ids, masks, targets, draws) get none. Where
    `module` is given, its parameters get theirs too; call uses it by closure.
    """

    call: Callable[..., Any]
    inputs: tuple[Array, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    module: Module | None = None
    step: float = 1e-3  # of the finite differences: smaller beside a kink
    small: int = SMALL  # arrays of fewer entries are tested entry by entry as well

    def parameters(self) -> list[tuple[str, Parameter]]:
        return [] if self.module is None else list(self.module.named_parameters())

    @property
    def n_arrays(self) -> int:
        """How many gradients there are to check."""
        return len(self.inputs) + len(self.parameters())

    def cast(self, dtype: DType) -> Self:
        """The same case with every float in another dtype."""
        self.inputs = tuple(x.astype(dtype) for x in self.inputs)
        for name, c in self.constants.items():
            if isinstance(c, np.ndarray) and c.dtype.kind == "f":
                self.constants[name] = c.astype(dtype)
        if self.module is not None:
            self.module.astype(dtype)
        return self

    def run(self) -> Any:
        return self.call(*self.inputs, **self.constants)

    def gradients(self, backward: Callable[..., Any], dy: Any) -> list[Any]:
        """Every gradient that backward makes: of the inputs, then of the parameters."""
        for _, p in self.parameters():
            p.grad = None
        dx = backward(dy)
        dx = () if dx is None else dx if isinstance(dx, tuple) else (dx,)
        return [*dx, *(p.grad for _, p in self.parameters())]

    def check(self, rng: Rng) -> float:
        """The worst relative error of all gradients, against central differences.

        Raises GradientError as check_gradients does.
        """
        how: dict[str, Any] = {"rng": rng, "step": self.step, "small": self.small}
        worst = 0.0
        if self.inputs:

            def call(*inputs: Array) -> Any:
                return self.call(*inputs, **self.constants)

            worst = check_gradients(call, *self.inputs, **how)
        if self.module is not None:
            worst = max(worst, check_parameters(self.run, self.parameters(), **how))
        return worst


M = TypeVar("M", bound=Module)


def scatter(module: M, rng: Rng) -> M:
    """Move every parameter off its initial value, where wrong gradients can hide.

    A layer_norm whose backward forgets gamma is right as long as gamma is 1.
    """
    for _, p in module.named_parameters():
        p.data[...] = p.data + rng.normal(0, 0.3, p.data.shape)
    return module


def module_case(
    module: Module,
    rng: Rng,
    inputs: tuple[Array, ...] = (),
    constants: dict[str, Any] | None = None,
    call: Callable[..., Any] | None = None,
) -> Case:
    """A layer or a model in float64, scattered; `call` is the module unless given."""
    scatter(module.astype(np.float64), rng)
    forward: Any = call or module
    return Case(forward, inputs, constants or {}, module)
