"""What a layer is: named parameters, and a call that returns (output, backward)."""

import copy
from collections.abc import Iterator, Mapping
from typing import Self

import numpy as np

from minillm.types import Array, DType


class Parameter:
    """An array to be learned, and the gradient collected for it so far.

    Born in float32: activations take their dtype from the parameters they meet.
    `decay` says whether weight decay pulls it towards zero: matrices of linear maps
    do, embeddings, biases and gains do not.
    """

    def __init__(self, data: Array, *, decay: bool = False) -> None:
        self.data = data.astype(np.float32)
        self.grad: Array | None = None
        self.trainable = True
        self.decay = decay

    def accumulate(self, grad: Array) -> None:
        """Add to grad: a parameter used twice is owed both gradients."""
        if not self.trainable:
            return
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        self.grad += grad


class Buffer:
    """An array that is not learned: it moves with the parameters and is never saved."""

    def __init__(self, data: Array) -> None:
        self.data = data.astype(np.float32)


class Module:
    """Base of every layer and model.

    Attributes that are Parameters, Buffers, Modules or lists of Modules are found by
    name, in the order they were assigned.
    """

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                for i, child in enumerate(value):
                    if isinstance(child, Module):
                        yield f"{name}.{i}", child

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """Yield this module as "" and every module below it as `blocks.0.attn`."""
        yield "", self
        for name, child in self.named_children():
            for path, module in child.named_modules():
                yield f"{name}.{path}".rstrip("."), module

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield names such as `blocks.0.attn.q_proj.weight`, a shared parameter once."""
        seen = set()
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}".lstrip("."), value

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield buffers by name, a shared one once."""
        seen = set()
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Buffer) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}".lstrip("."), value

    def n_parameters(self) -> int:
        """How many numbers there are to learn, frozen ones included."""
        return sum(p.data.size for _, p in self.named_parameters())

    def replica(self) -> Self:
        """A copy that reads the same weights and collects gradients of its own."""
        shared = {id(p.data): p.data for _, p in self.named_parameters()}
        shared |= {id(buffer.data): buffer.data for _, buffer in self.named_buffers()}
        grads = [p.grad for _, p in self.named_parameters() if p.grad is not None]
        shared |= {id(grad): grad for grad in grads}
        twin = copy.deepcopy(self, shared)  # what the memo names is not copied
        for _, p in twin.named_parameters():
            p.grad = None
        return twin

    def astype(self, dtype: DType) -> Self:
        """Give every parameter and buffer this dtype, e.g. float64 to check gradients."""
        for _, p in self.named_parameters():
            p.data, p.grad = p.data.astype(dtype), None
        for _, buffer in self.named_buffers():
            buffer.data = buffer.data.astype(dtype)
        return self

    def state_dict(self) -> dict[str, Array]:
        """The arrays themselves, by name; copy them to keep them."""
        return {name: p.data for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Copy arrays in. Names and shapes must all fit, or nothing is changed.

        Raises ValueError that names every missing, unexpected and misshapen array.
        """
        own = dict(self.named_parameters())
        faults = [f"{name} is missing" for name in own if name not in state]
        faults += [f"{name} is unexpected" for name in state if name not in own]
        faults += [
            f"{name} has shape {state[name].shape} instead of {p.data.shape}"
            for name, p in own.items()
            if name in state and state[name].shape != p.data.shape
        ]
        if faults:
            raise ValueError("the weights do not fit this model: " + "; ".join(faults))
        for name, p in own.items():
            p.data[...] = np.asarray(state[name], like=p.data)

    def freeze(self) -> None:
        """Stop learning: nothing accumulates in these parameters any more."""
        for _, p in self.named_parameters():
            p.trainable, p.grad = False, None

    def zero_grad(self) -> None:
        for _, p in self.named_parameters():
            if p.grad is not None:
                p.grad[...] = 0
