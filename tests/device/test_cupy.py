"""The stand-in beside the real CuPy, where it is installed: `pytest -m gpu`."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from tests.device.cupy_rules import API
from tests.device.snippets import ACCEPTED, REFUSED, STRICTER, WAITS, run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        find_spec("cupy") is None,
        reason="CuPy is not installed (pip install cupy-cuda12x), so that the stand-in "
        "is not compared with it",
    ),
]


def test_what_the_stand_in_refuses_cupy_refuses():
    from tests.device.front_end import refuses

    assert [snippet for snippet in REFUSED if not refuses(snippet)] == []


def test_what_is_refused_is_sound_in_numpy():
    for snippet in REFUSED + STRICTER:
        run(snippet, np.copy)


def test_what_the_stand_in_takes_cupy_takes():
    from tests.device.front_end import refuses

    assert [snippet for snippet in ACCEPTED + WAITS if refuses(snippet)] == []


def test_a_view_knows_whose_memory_it_is():
    """What Flat.check_home asks of an array."""
    from tests.device.front_end import convert

    x = convert(np.zeros((2, 6)))
    assert x.reshape(-1)[2:8].reshape(2, 3).base is x
    assert x.base is None


def test_the_table_can_be_made_anew():
    """Another version may differ, the same must not."""
    import cupy

    from tests.device.make_cupy_table import as_text, table

    if (cupy.__version__, np.__version__) != (API["cupy"], API["numpy"]):
        pytest.skip(f"the table is of CuPy {API['cupy']} and NumPy {API['numpy']}")
    assert json.loads(as_text(table())) == API
