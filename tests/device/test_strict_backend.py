"""The stand-in refuses what CuPy refuses or hides, and computes the rest like NumPy."""

import copy
import json
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.device.cupy_rules import API, RefusedError
from tests.device.strict_backend import DeviceArray, to_device, to_host


def names():
    """What the snippets speak of: `h...` are on the host, the others on the device."""
    hx = np.arange(12, dtype=np.float32).reshape(3, 4)
    host = {"hx": hx, "hv": hx[0] + 1, "hi": np.array([0, 2]), "hm": hx > 5}
    device = {"x": hx, "y": hx + 1, "v": hx[0] + 1, "i": host["hi"], "m": host["hm"]}
    device |= {
        "twice": np.array([1, 1]),
        "z": np.array(hx.sum()),
        "b": hx.astype(np.float16),
    }
    return {"np": np, "math": math, "DeviceArray": DeviceArray, **host, **to_device(device)}


def run(snippet):
    """An expression's value; of statements what they call `result`, or x, changed."""
    scope = names()
    try:
        value = eval(snippet, scope)
    except SyntaxError:
        exec(snippet, scope)
        value = scope.get("result")
    return scope["x"] if value is None else value


REFUSED = [
    # device arrays do not turn into NumPy arrays, or meet them
    "np.asarray(x)",
    "np.array(x)",
    "np.float32(z)",
    "hx[i]",
    "hx + x",
    "x + hx",
    "x * np.array(2.0)",
    "hx @ v",
    "x @ hx.T",
    "x += hx",
    "hx += x",
    "np.add(hx, x)",
    "np.matmul(x, hx.T)",
    "np.maximum(x, hx)",
    "np.where(m, x, hx)",
    "np.where(hm, x, y)",
    "np.concatenate([x, hx])",
    "np.stack((x, hx))",
    "np.einsum('ij,ij->i', x, hx)",
    "np.take_along_axis(x, hi[:, None], axis=0)",
    "np.copyto(hx, x)",
    "np.exp(x, out=hx)",
    "np.sum(x, axis=0, out=hv)",
    "x.sum(0, out=hv)",
    "x.dot(hv)",
    "hx[0] = v",
    "DeviceArray(x)",
    # new arrays are made like another
    "np.ones(3, like=x)",
    "np.full(3, 1.0, like=x)",
    "np.eye(3, like=x)",
    # no where= on ufuncs, no where= or initial= on reductions
    "np.add(x, y, where=m)",
    "np.exp(x, where=m)",
    "np.divide(x, y, where=m, out=y)",
    "np.sum(x, where=m)",
    "np.mean(x, where=m)",
    "np.max(x, initial=0.0)",
    "np.sum(x, initial=0.0)",
    "x.sum(where=m)",
    "x.max(initial=0.0)",
    "x.mean(-1, keepdims=True, where=m)",
    # keywords that CuPy lacks
    "np.clip(x, min=0)",
    "np.einsum('ij->i', x, out=v)",
    "np.take(x, i, axis=0, mode='raise', out=hx)",
    "x.take(i, mode='clip')",
    "np.argsort(x, stable=True)",
    "x.argsort(stable=True)",
    "np.sort(x, kind='quicksort')",
    "x.argsort(kind='heapsort')",
    "x.astype(np.float64, device='cpu')",
    "np.exp(x, order='C')",
    "np.exp(x, subok=False)",
    # functions and ufunc methods that CuPy lacks
    "np.vecdot(x, y)",
    "np.linalg.vecdot(x, y)",
    "np.maximum.reduce(x)",
    "np.minimum.accumulate(x)",
    "np.logaddexp.reduce(x)",
    "np.multiply.reduceat(x, i)",
    "np.multiply.at(x, i, 2.0)",
    "np.divide.at(v, i, 2.0)",
    "np.matvec(x, v)",
    "np.spacing(x)",
    "np.linalg.vector_norm(x)",
    # np.add.at takes one array of integers
    "np.add.at(x, (i, i), 1.0)",
    "np.add.at(v, [0, 1], 1.0)",
    "np.add.at(v, slice(0, 2), 1.0)",
    "np.add.at(v, hi, 1.0)",
    "np.add.at(x, m, 1.0)",
    "np.add.at(m, i, True)",
    "np.subtract.at(v, i, 1.0)",
    # no host array or list as index or value
    "x[hi]",
    "x[[0, 2]]",
    "x[:, hi]",
    "x[hm]",
    "x[hi] = 0.0",
    "x[[0, 1]] = 0.0",
    "x[0] = hv",
    "x[i] = hx[:2]",
    "x[m] = hv[:6]",
    "np.repeat(x, i, axis=0)",
    "x.repeat(i)",
    # no assignment through indices that repeat
    "x[twice] = 1.0",
    "x[twice] += 1.0",
    "x[:, twice] = 1.0",
    "np.put_along_axis(v, twice, 1.0, 0)",
    "np.put_along_axis(v, twice, 1.0, axis=0)",
    "np.put_along_axis(v, indices=twice, values=1.0, axis=0)",
    "np.put_along_axis(v, hi, 1.0, 0)",
    "np.put(v, i, 1.0)",
    "x[m, m]",
]


@pytest.mark.parametrize("snippet", REFUSED)
def test_it_refuses(snippet):
    with pytest.raises(RefusedError):
        run(snippet)


WRONG = {
    "x[v]": IndexError,
    "x['a']": IndexError,
    "x[5]": IndexError,
    "x.tobytes()": AttributeError,
    "x.put(i, 1.0)": AttributeError,
    "x.ctypes": AttributeError,
    "x.shape = (12,)": AttributeError,
    "hash(x)": TypeError,
    "iter(z)": TypeError,
    "DeviceArray(np.array(['a']))": ValueError,
    "DeviceArray(np.array([None]))": ValueError,
    "DeviceArray(np.array([1], np.longdouble))": ValueError,
}


@pytest.mark.parametrize("snippet", WRONG)
def test_it_has_no(snippet):
    with pytest.raises(WRONG[snippet]):
        run(snippet)


ACCEPTED = [
    "2.0 * x + y / 3 - 1",
    "-x @ y.T",
    "x * np.float32(2)",
    "x > 2",
    "~m | (x == 3)",
    "abs(-x) // 2 % 3",
    "x += v",
    "x *= 2",
    "x[0] += v",
    "np.exp(x, out=x)",
    "np.multiply(~m, -1e30, dtype=np.float32)",
    "np.maximum(x, 0)",
    "np.minimum(1.0, 3.0 / np.sqrt(z))",
    "np.where(m, x, 0)",
    "x.sum(-1, keepdims=True)",
    "x.mean((0, 1))",
    "np.sum(x, axis=0, out=v); result = v",
    "x.max(-1)",
    "m.any(-1, keepdims=True)",
    "x.reshape(-1, 2).swapaxes(0, 1)",
    "x.reshape(4, -1, order='C').mT",
    "x.transpose(1, 0).copy()",
    "x.astype(np.float64)",
    "x.clip(1, 5)",
    "np.clip(x, 1, 5)",
    "x.argmax(-1)",
    "np.argsort(x, axis=-1, kind='stable')",
    "x.argsort(kind='stable')",
    "x[i]",
    "x[:, i]",
    "x[i, i]",
    "x[..., None, 1:3]",
    "x[i] = 0.0",
    "x[i] = y[i]",
    "x[1:, ::2] = v[::2]",
    "x[m] = 0.0",
    "np.where(x > 3, x, y)[i]",
    "np.einsum('nd,nd->d', x, y)",
    "np.einsum('...d,...d->...', x, y)[..., None]",
    "np.add.at(v, twice, 1.0); result = v",
    "np.add.at(x.reshape(-1), twice, v[:2])",
    "np.add.reduce(x, axis=0)",
    "np.add.reduceat(x, i, axis=0)",
    "np.take_along_axis(x, i[None], axis=1)",
    "np.put_along_axis(x, i[None], 7.0, 1)",
    "np.put_along_axis(x, np.argsort(-x, axis=-1), y, axis=-1)",
    "np.repeat(x, 2, axis=1)",
    "np.concatenate([x, y], axis=-1)",
    "np.split(x, 2, axis=1)[1]",
    "np.zeros_like(x, shape=(2, 2))",
    "np.full_like(x, 3.0)",
    "np.ones_like(z)",
    "np.zeros((2, 3), dtype=np.float32, like=x)",
    "np.empty((0, 3), like=x)",
    "np.arange(5, like=i)",
    "np.tri(3, 4, 1, dtype=bool, like=x)",
    "np.asarray(hx, like=x)",
    "np.asarray([1, 2], like=x)",
    "np.pad(v, (1, 1))",
    "np.cumsum(x, axis=0)",
    "np.linalg.norm(x)",
    "np.broadcast_to(v, (2, 4))",
    "np.tanh(b)",
    "np.divmod(x, 2)[1]",
]


@pytest.mark.parametrize("snippet", ACCEPTED)
def test_it_computes_as_numpy_and_never_waits(snippet, monkeypatch):
    DeviceArray.syncs = 0
    computed = run(snippet)
    assert isinstance(computed, DeviceArray)
    assert DeviceArray.syncs == 0
    monkeypatch.setitem(globals(), "to_device", copy.deepcopy)
    expected = run(snippet)
    assert computed.dtype == expected.dtype
    assert_array_equal(computed.get(), expected)


WAITS = [
    "float(z)",
    "int(z)",
    "bool(z)",
    "complex(z)",
    "math.sqrt(z)",
    "f'{z:.3f}'",
    "z.item()",
    "x.tolist()",
    "x.get()",
    "x[m]",
    "1 if z > 3 else 2",
    "z > 3 and z < 9",
    "max(z, z + 1)",
    "np.nonzero(x)",
    "x.nonzero()",
    "np.where(m)",
    "np.unique(x)",
    "np.flatnonzero(m)",
    "np.bincount(i)",
]


@pytest.mark.parametrize("snippet", WAITS)
def test_it_counts_the_wait_of(snippet):
    DeviceArray.syncs = 0
    run(snippet)
    assert DeviceArray.syncs >= 1


@pytest.mark.parametrize(
    "snippet", ["x.shape", "len(x)", "x.dtype", "np.shape(x)", "repr(x)"]
)
def test_metadata_stays_on_the_host_and_is_free(snippet):
    DeviceArray.syncs = 0
    assert not isinstance(run(snippet), DeviceArray)
    assert DeviceArray.syncs == 0


def test_slices_are_views_and_copies_are_not():
    x = DeviceArray(np.zeros((2, 3)))
    x[0][1] = 1.0
    x.T[2] = 2.0
    x.copy()[...] = 9.0
    assert_array_equal(x.get(), [[0, 1, 2], [0, 0, 2]])


def test_moving_there_copies_and_moving_back_counts():
    host = np.zeros(2)
    x = DeviceArray(host)
    host[...] = 1
    DeviceArray.syncs = 0
    back = x.get()
    back[...] = 2
    assert_array_equal(x.get(), [0, 0])
    assert DeviceArray.syncs == 2


def test_trees_go_there_and_back():
    tree = {"a": [np.arange(3), ("text", 2.0)], "b": (np.ones(2), None)}
    there = to_device(tree)
    assert isinstance(there["a"][0], DeviceArray) and there["a"][1] == ("text", 2.0)
    DeviceArray.syncs = 0
    back = to_host(there)
    assert DeviceArray.syncs == 2 and back["b"][1] is None
    assert_array_equal(back["a"][0], tree["a"][0])
    assert_array_equal(back["b"][0], tree["b"][0])


def test_a_deep_copy_owns_its_memory():
    x = DeviceArray(np.zeros(2))
    copy.deepcopy(x)[...] = 1.0
    assert_array_equal(x.get(), [0, 0])


def test_the_table_is_that_of_a_real_cupy():
    assert len(API["functions"]) > 250 and len(API["ufuncs"]) > 80
    assert API["ufuncs"]["maximum"] == ["__call__", "outer", "at"]


def test_the_table_can_be_made_anew():
    """Where CuPy is installed: any other version may differ, the same must not."""
    cupy = pytest.importorskip("cupy")
    if cupy.__version__ != API["cupy"] or np.__version__ != API["numpy"]:
        pytest.skip(f"the table is of CuPy {API['cupy']} and NumPy {API['numpy']}")
    from tests.device.make_cupy_table import as_text, table

    assert json.loads(as_text(table())) == API
