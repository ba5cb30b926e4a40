"""What the ratios were measured on: versions, cores, and the kernels behind the products.

As a contestant: `python -m tests.benchmarks.machine`.
"""

import platform
from importlib.metadata import version

from tests.benchmarks.contestants import Contestant, answer

PACKAGES = ("numpy", "torch", "transformers", "tokenizers")


def describe() -> dict[str, str]:
    """One line for each thing that a reader has to know."""
    from minillm.training import available_cores

    with Contestant(__name__) as contestant:
        kernels = contestant.ask("kernels")
    versions = [f"{package} {version(package)}" for package in PACKAGES]
    return {
        "machine": f"{available_cores()} cores, {platform.machine()}, {platform.system()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
        **kernels,
        "threads": "our training step runs two replicas, each product on one core; "
        "everything else is the better of one and two threads, by the median",
    }


def _kernels() -> dict[str, str]:
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    of_numpy = threadpool_info()
    import torch

    mkl = "MKL" if torch.backends.mkl.is_available() else "without MKL"
    capability = torch.backends.cpu.get_cpu_capability()
    of_torch = [info for info in threadpool_info() if info not in of_numpy]
    return {
        "NumPy's BLAS": "; ".join(map(_line, of_numpy)) or "unknown to threadpoolctl",
        "PyTorch's": "; ".join([f"{mkl}, {capability}", *map(_line, of_torch)]),
    }


def _line(info: dict[str, object]) -> str:
    parts = (info["internal_api"], info["version"], info.get("architecture"))
    named = " ".join(str(part) for part in parts if part)
    return f"{named}, {info['num_threads']} threads by default"


if __name__ == "__main__":
    answer({"kernels": _kernels})
