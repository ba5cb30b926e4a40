"""Library code says nothing that a device would refuse, copy or wait for.

The strict stand-in finds such calls where a test runs them; this one reads every line
of the three storeys, of training and of generation. What it cannot see (the type of a
value) it lets pass.
"""

import ast
from pathlib import Path

import pytest

from tests.device.reader import offences

PACKAGE = Path(__file__).parents[1] / "minillm"
FILES = sorted(
    path
    for storey in ("functional", "layers", "models", "training", "generation")
    for path in (PACKAGE / storey).rglob("*.py")
)

# Files where no device array comes.
HOST_FILES = {
    "generation/arguments.py": "checks what was given, and logits that were read back",
    "generation/sampling.py": "chooses among logits that were read back, in float64",
    "generation/scoring.py": "weighs texts by numbers that were read back",
}

# Functions that work on the host, or read from the device, by design. __init__ is among
# them everywhere: weights are drawn on the host, and moved once.
ON_THE_HOST = {
    "functional/alibi.py:alibi_slopes": "a table that is made once and moved",
    "functional/draws.py:Draws.random": "random numbers are drawn on the host, moved once",
    "functional/positions.py:sinusoidal_positions": "a table that is made once and moved",
    "functional/rotary.py:rotary_table": "a table that is made once and moved",
    "models/one_by_one.py:one_by_one.single_step": "ids stay on the host until checked",
    "models/single_step.py:SingleStep.__call__": "ids stay on the host until checked",
    "models/prefix_lm.py:check_prefix_lengths": "looks into arrays of the host alone",
    "training/optimizers.py:AdamW.state_dict": "the number of steps, to be saved",
    "training/optimizers.py:AdamW.load_state_dict": "the number of steps that was saved",
    "training/trainer.py:Trainer.train_step": "loss and norm are read: the finite check",
    "training/trainer.py:Trainer.save": "seed and step, to be saved",
    "training/trainer.py:Trainer._due": "step numbers",
    "training/trainer.py:Trainer._record": "losses that were read, to be saved",
    "training/trainer.py:mean_loss": "the loss of each batch is read",
    "generation/batch.py:greedy_batch": "texts are kept on the host, each step is read",
    "generation/batch.py:translate": "ids stay on the host until checked",
    "generation/beam.py:beam_search": "texts are kept on the host, each step is read",
    "generation/beam.py:_Beam.extended": "texts and what they score are on the host",
    "generation/beam.py:_Beam.bound": "texts and what they score are on the host",
    "generation/beam.py:_Beam.hypotheses": "texts and what they score are on the host",
    "generation/beam.py:_plain.look": "what it saw of a source is kept on the host",
    "generation/decoding.py:_stream": "ids stay on the host until checked",
}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


READ = [path for path in FILES if name_of(path) not in HOST_FILES]


@pytest.mark.parametrize("path", READ, ids=name_of)
def test_nothing_is_said_that_a_device_refuses(path):
    found = offences(ast.parse(path.read_text()))
    assert not [
        f"{name_of(path)}:{line} in {function}: {complaint}"
        for line, function, complaint in found
        if f"{name_of(path)}:{function}" not in ON_THE_HOST
    ]


@pytest.mark.parametrize("place", ON_THE_HOST)
def test_every_exception_is_still_needed(place):
    file, function = place.split(":")
    found = offences(ast.parse((PACKAGE / file).read_text()))
    assert function in {name for _, name, _ in found}


@pytest.mark.parametrize("name", HOST_FILES)
def test_every_file_of_the_host_still_needs_to_be_one(name):
    assert offences(ast.parse((PACKAGE / name).read_text()))


FORBIDDEN = [
    "np.zeros((2, 3))",
    "np.empty(3, dtype=x.dtype)",
    "np.arange(n)",
    "np.tri(n)",
    "np.array([1, 2])",
    "np.asarray(h)",
    "np.ones(3)",
    "np.ones(3, like=x)",
    "np.full(3, 1.0, like=x)",
    "np.eye(3, like=x)",
    "np.linspace(0, 1, 5)",
    "np.vecdot(x, y)",
    "x.item()",
    "x.sum().item()",
    "x.tolist()",
    "x.nonzero()",
    "np.nonzero(x)",
    "np.where(m)",
    "np.unique(ids)",
    "float(x.max())",
    "bool(m.any())",
    "np.add(x, y, where=m)",
    "np.divide(x, y, out=z, where=m)",
    "np.sum(x, where=m)",
    "x.sum(-1, where=m)",
    "x.max(initial=0)",
    "np.einsum('ij->i', x, out=y)",
    "np.clip(x, min=0)",
    "x.clip(min=0)",
    "x.take(i, mode='clip')",
    "np.argsort(x, stable=True)",
    "1 if x.any() else 2",
    "1 if (x > 3).all() and y else 2",
    "1 if np.all(x) else 2",
    "x.get()",
    "x.tobytes()",
    "complex(z)",
    "np.compress(m, x)",
    "np.setdiff1d(x, y)",
    "np.put(x, i, 1.0)",
    "np.any(m, where=m)",
    "np.add.reduce(x, initial=0)",
    "np.full_like(x, 1.0).sum(initial=1)",
    "np.sort(x, stable=True)",
    "np.clip(x, max=1)",
    "np.identity(3)",
    "np.full((2, 3), 1.0)",
    "np.eye(3)",
    "np.maximum.reduce(x)",
    "np.logaddexp.accumulate(x)",
    "np.add.accumulate(x)",
    "np.multiply.outer(x, y)",
    "np.multiply.reduceat(x, i)",
    "np.subtract.at(x, i, 1.0)",
    "np.add.at(x, (i, j), 1.0)",
    "np.add.at(x, [0, 1], 1.0)",
    "np.float64(0.5) * x",
    "np.float32(scale)",
    "np.sqrt(2)",
    "np.sqrt(2 / 3) * x",
    "np.log(10.0)",
    "x[[0, 2]]",
    "x[:, [0, 2]]",
    "x[[i for i in n]]",
    "x**3",
    "(x + y) ** 3",
]

ALLOWED = [
    "np.zeros((2, 3), dtype=x.dtype, like=x)",
    "np.zeros_like(x)",
    "np.full_like(x, 2.0)",
    "np.arange(n, like=x)",
    "np.asarray(h, like=x)",
    "np.where(m, x, 0)",
    "np.clip(x, 0, 1)",
    "np.argsort(x, kind='stable')",
    "float('inf')",
    "x * x * x",
    "10000.0 ** (i / d)",
    "x.max(-1, keepdims=True)",
    "1 if any(y is None for y in names) else 2",
    "1 if x.ndim else 2",
    "names.get(name, 0)",
    "np.add.at(x, i, 1.0)",
    "np.add.reduce(x, axis=-1)",
    "np.add.reduceat(x, i)",
    "np.sqrt(x * 2)",
    "np.sqrt(x)",
    "x.astype(np.float64)",
    "np.full_like(x, np.pi)",
    "x[i, None, 1:]",
    "def f(g: Callable[[int], int]): pass",
    "x[0] = 0.0",
    "names[0] = (1, 2)",
    "class A:\n    def __init__(self):\n        self.w = np.zeros(3)",
]


def test_the_reader_sees_a_list_that_is_assigned():
    [(line, _, complaint)] = offences(ast.parse("x[0] = [1.0, 2.0]"))
    assert line == 1 and "assigned" in complaint


@pytest.mark.parametrize("source", FORBIDDEN)
def test_the_reader_sees(source):
    [(line, function, _)] = offences(ast.parse(f"def f(x):\n    return {source}"))
    assert (line, function) == (2, "f")


@pytest.mark.parametrize("source", ALLOWED)
def test_the_reader_lets_pass(source):
    assert offences(ast.parse(source)) == []
