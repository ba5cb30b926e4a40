"""The catalogue: every operation, layer and model, each with inputs drawn for it.

    case = OPERATIONS["attention/masked"](np.random.default_rng(0), (2, 3, 4, 5, 6, 7))
    y, backward = case.run()
    case.check(np.random.default_rng(1))        the worst relative error of its gradients

A name may stand more than once, with a slash and what is special about it.
"""

from minillm.gradient_check.cases import layers, models, operations, order, recurrent
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes, scatter

OPERATIONS = operations.OPERATIONS | order.OPERATIONS | recurrent.OPERATIONS
LAYERS = layers.LAYERS | order.LAYERS | recurrent.LAYERS
MODELS = models.MODELS

__all__ = [
    "LAYERS",
    "MODELS",
    "OPERATIONS",
    "Build",
    "Case",
    "Rng",
    "Sizes",
    "scatter",
]
