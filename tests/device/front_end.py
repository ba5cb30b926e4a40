"""What the real CuPy says to a line of NumPy. Its front end needs no GPU and no driver.

Without a device an array is dressed in memory of the host: what CuPy refuses by name,
type or keyword it refuses as ever, and all the rest ends where it asks for the device.
"""

import cupy
import numpy as np

from tests.device.snippets import run

NO_DEVICE = (cupy.cuda.runtime.CUDARuntimeError, ImportError)  # or a library of CUDA's
HAS_DEVICE = cupy.cuda.is_available()


def dressed(host):
    memory = cupy.cuda.UnownedMemory(host.ctypes.data, max(1, host.nbytes), host, 0)
    return cupy.ndarray(host.shape, host.dtype, cupy.cuda.MemoryPointer(memory, 0))


def convert(array):
    """A CuPy array of it, which may be computed with where there is a device."""
    if HAS_DEVICE or not isinstance(array, np.ndarray):
        return cupy.asarray(array)
    return dressed(np.array(array, order="C"))


def refuses(snippet):
    """Whether CuPy refuses this, before it has asked for a device."""
    try:
        run(snippet, convert)
    except NO_DEVICE:
        return False
    except Exception:
        return True
    return False
