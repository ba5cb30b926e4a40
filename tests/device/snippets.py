"""Lines of NumPy, and what a CuPy array has to say to each of them.

`h...` are on the host, the other names on the device.
"""

import math

import numpy as np

# CuPy refuses these before it asks for a device.
REFUSED = [
    # device arrays do not turn into NumPy arrays
    "np.asarray(x)",
    "np.asanyarray(x)",
    "np.array(x)",
    "np.array([v, hv])",
    "np.float32(z)",
    "hx[i]",
    "hx[0] = v",
    "np.copyto(hx, x)",
    "np.random.default_rng(0).choice(v)",
    "np.random.default_rng(0).permutation(x)",
    # nor meet them
    "hx @ v",
    "x @ hx.T",
    "hx.dot(v)",
    "x.dot(hv)",
    "x.dot(hx.T)",
    "np.matmul(x, hx.T)",
    "np.dot(x, hx.T)",
    "np.inner(x, hx)",
    "np.tensordot(x, hx)",
    "np.vdot(v, hv)",
    "np.stack((x, hx))",
    "np.column_stack([v, hv])",
    "np.copyto(x, hx)",
    "np.putmask(x, hm, 0.0)",
    "np.searchsorted(hv, v)",
    "np.sum(x, axis=0, out=hv)",
    "x.sum(0, out=hv)",
    "np.mean(x, axis=0, out=hv)",
    "np.cumsum(x, axis=0, out=hx)",
    # no host array or list as a value
    "x[0] = hv",
    "x[...] = hx",
    "x[0] = [1.0, 2.0, 3.0, 4.0]",
    # new arrays are made like another
    "np.ones(3, like=x)",
    "np.full(3, 1.0, like=x)",
    "np.eye(3, like=x)",
    # no where= and no initial= on reductions
    "np.sum(x, where=m)",
    "np.mean(x, where=m)",
    "np.any(m, where=m)",
    "np.std(x, where=m)",
    "np.max(x, initial=0.0)",
    "np.min(x, initial=0.0)",
    "np.sum(x, initial=0.0)",
    "np.prod(x, initial=2.0)",
    "x.sum(where=m)",
    "x.any(where=m)",
    "x.max(initial=0.0)",
    "x.min(initial=0.0)",
    "x.mean(-1, keepdims=True, where=m)",
    "np.add.reduce(x, where=m)",
    "np.add.reduce(x, initial=1.0)",
    # keywords that CuPy lacks
    "np.clip(x, min=0)",
    "np.clip(x, max=1)",
    "np.take(x, i, mode='clip')",
    "np.take(x, i, axis=0, mode='raise', out=hx[:2])",
    "x.take(i, mode='clip')",
    "np.argsort(x, stable=True)",
    "x.argsort(stable=True)",
    "np.sort(x, stable=True)",
    "x.sort(stable=True)",
    "x.argsort(kind='heapsort')",
    "np.partition(x, 1, kind='introselect')",
    "np.var(x, mean=v)",
    "np.std(x, correction=1)",
    "np.reshape(x, shape=(2, 6))",
    "np.unique(x, sorted=False)",
    "x.astype(np.float64, subok=False)",
    "np.exp(x, order='C')",
    "np.exp(x, subok=False)",
    # functions that CuPy lacks
    "np.linalg.vecdot(x, y)",
    "np.linalg.vector_norm(x)",
    "np.linalg.matrix_norm(x)",
    "np.linalg.outer(v, v)",
    "np.unstack(x)",
    "np.insert(x, 0, 1.0)",
    "np.einsum_path('ij,ij', x, y)",
    "np.lexsort((v, v))",
    # ufunc methods that CuPy lacks
    "np.maximum.reduce(x)",
    "np.logaddexp.reduce(x)",
    "np.divide.reduce(x)",
    "np.logical_and.reduce(m)",
    "np.minimum.accumulate(x)",
    "np.maximum.accumulate(x)",
    "np.multiply.reduceat(x, i)",
    "np.maximum.reduceat(x, i)",
    "np.multiply.at(x, i, 2.0)",
    "np.divide.at(v, i, 2.0)",
    "np.exp.at(x, i)",
    # shapes and counts are integers of the host
    "np.split(x, i)",
    "np.pad(v, i)",
]

# These it refuses later, or takes and should not be given.
STRICTER = [
    # CuPy asks for its device first: host arrays among device arrays
    "hx + x",
    "x + hx",
    "x * np.array(2.0)",
    "x += hx",
    "hx += x",
    "np.add(hx, x)",
    "np.maximum(x, hx)",
    "np.where(m, x, hx)",
    "np.where(hm, x, y)",
    "np.concatenate([x, hx])",
    "np.einsum('ij,ij->i', x, hx)",
    "np.take_along_axis(x, hi[:, None], axis=0)",
    "np.exp(x, out=hx)",
    # and what it lacks
    "np.vecdot(x, y)",
    "np.matvec(x, v)",
    "np.spacing(x)",
    "np.einsum('ij->j', x, out=v)",
    "np.sort(x, kind='quicksort')",
    # np.add.at takes one device array of integers
    "np.add.at(x, (i, i), 1.0)",
    "np.add.at(v, [0, 1], 1.0)",
    "np.add.at(v, slice(0, 2), 1.0)",
    "np.add.at(v, hi, 1.0)",
    "np.add.at(x, m, 1.0)",
    "np.add.at(m, i, True)",
    "np.subtract.at(v, i, 1.0)",
    # where= on ufuncs: older CuPys refuse it
    "np.add(x, y, where=m)",
    "np.exp(x, where=m)",
    "np.divide(x, y, where=m, out=y)",
    # copied to the device at every call
    "DeviceArray(x)",
    "x[hi]",
    "x[[0, 2]]",
    "x[:, hi]",
    "x[hm]",
    "x[hi] = 0.0",
    "x[[0, 1]] = 0.0",
    "x[i] = hx[:2]",
    "x[m] = hx.reshape(-1)[:6]",
    # read back to the host
    "x[m[:, 0], m[0]]",
    "np.tile(x, i)",
    "np.repeat(x[:2], twice, axis=0)",
    "v[:2].repeat(twice)",
    "np.roll(x, z)",
    # any of the values may win where indices repeat
    "x[twice] = 1.0",
    "x[twice] += 1.0",
    "x[:, twice] = 1.0",
    "np.put_along_axis(v, twice, 1.0, 0)",
    "np.put_along_axis(v, twice, 1.0, axis=0)",
    "np.put_along_axis(v, indices=twice, values=1.0, axis=0)",
    "np.put_along_axis(v, hi, 1.0, 0)",
    "np.put(v, i, 1.0)",
]

# These it takes, and the host goes on.
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

# These it takes, and the host waits for the device.
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


def names(convert):
    """What the snippets speak of; `convert` moves an array to the device."""
    hx = np.arange(12, dtype=np.float32).reshape(3, 4)
    host = {"hx": hx, "hv": hx[0] + 1, "hi": np.array([0, 2]), "hm": hx > 5}
    device = {"x": hx, "y": hx + 1, "v": hx[0] + 1, "i": host["hi"], "m": host["hm"]}
    device |= {
        "twice": np.array([1, 1]),
        "z": np.array(hx.sum()),
        "b": hx.astype(np.float16),
    }
    there = {name: convert(array) for name, array in device.items()}
    return {"np": np, "math": math, "DeviceArray": convert, **host, **there}


def run(snippet, convert):
    """An expression's value; of statements what they call `result`, or x, changed."""
    scope = names(convert)
    try:
        value = eval(snippet, scope)
    except SyntaxError:
        exec(snippet, scope)
        value = scope.get("result")
    return scope["x"] if value is None else value
