"""The types that appear in every signature."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# A gradient of the loss: an array, or the number 1.0 that starts a backward pass.
Gradient: TypeAlias = Array | float

# backward(dy) maps the gradient of an output to the gradient of each array input.
Backward: TypeAlias = Callable[[Array], Array]
BackwardN: TypeAlias = Callable[[Array], tuple[Array, ...]]

# The backward of something that starts from ids: nothing is left to pass on.
BackwardNone: TypeAlias = Callable[[Array], None]

# The backward of a loss: a loss's own gradient is 1 unless it is scaled.
BackwardLoss: TypeAlias = Callable[..., Array]

DType: TypeAlias = type[np.floating[Any]] | np.dtype[Any]
