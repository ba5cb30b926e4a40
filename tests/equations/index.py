"""All rows, and where the names in them lead."""

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.equations import (
    data,
    evaluation,
    functional,
    generation,
    layers,
    models,
    tokenizers,
    training,
)
from tests.equations.row import Row

ROOT = Path(__file__).parents[2]
AREAS = {
    "functional": functional,
    "layers": layers,
    "models": models,
    "data": data,
    "training": training,
    "generation": generation,
    "tokenizers": tokenizers,
    "evaluation": evaluation,
}
ROWS = [row for area in AREAS.values() for row in area.ROWS]
NO_EQUATION = {
    name: why for area in AREAS.values() for name, why in area.NO_EQUATION.items()
}
PUBLIC = (*AREAS, "data.objectives", "data.tasks.scores", "data.tasks.entity_scores")


def public_names(package: str) -> set[str]:
    """The callables that a package hands on, or that a module without __all__ defines."""
    module = import_module(f"minillm.{package}")
    own = [
        n
        for n, x in vars(module).items()
        if getattr(x, "__module__", None) == module.__name__
    ]
    names = getattr(module, "__all__", [n for n in own if not n.startswith("_")])
    return {f"{package}.{name}" for name in names if callable(getattr(module, name))}


def resolve(name: str):
    """What "layers.LayerNorm" is: modules as far as they go, then attributes."""
    found = import_module("minillm")
    for part in name.split("."):
        if isinstance(found, ModuleType) and not hasattr(found, part):
            import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def file_of(name: str) -> str:
    """The file that defines it, from the root on."""
    return str(Path(inspect.getfile(resolve(name))).relative_to(ROOT))


def load_test(node: str):
    """The function of "tests/functional/test_softmax.py::test_..."."""
    path, _, function = node.partition("::")
    module = import_module(path.removesuffix(".py").replace("/", "."))
    return getattr(module, function.partition("[")[0])


def walkthrough(row: Row) -> Path:
    """The script that shows it."""
    (path,) = ROOT.glob(f"walkthroughs/{row.walkthrough}_*.py")
    return path
