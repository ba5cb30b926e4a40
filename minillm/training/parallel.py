"""Data parallelism: replicas share the weights, each owns its gradient."""

from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

import numpy as np

from minillm import functional as F
from minillm.layers import Module
from minillm.training.flat import Flat
from minillm.training.objectives import Batch, Objective
from minillm.training.threads import blas_threads
from minillm.types import Array


class BatchGradient:
    """The gradient of a batch, in micro-batches, each shared out to threads.

        g = sum over shards of (n_shard / n_batch) g_shard,      n counts targets

    The batch is cut into `accumulate` micro-batches one after another, so that only one
    is held in memory, and each of those into one shard for each thread. Matrix products
    run on one core meanwhile: the shards keep the cores busy. The result depends on the
    number of shards by rounding only, and is the same bits every time.
    """

    def __init__(
        self, model: Module, theta: Flat, *, threads: int = 1, accumulate: int = 1
    ) -> None:
        for name, n in (("threads", threads), ("accumulate", accumulate)):
            if n < 1:
                raise ValueError(f"{name} {n} must be at least 1")
        self.models = [model] + [model.replica() for _ in range(threads - 1)]
        self.thetas = [theta] + [Flat(twin, theta.data) for twin in self.models[1:]]
        self.accumulate = accumulate
        self.pool = ThreadPoolExecutor(threads)

    def __call__(self, objective: Objective, batch: Batch, rng: F.Draws | None) -> Array:
        """Leave the gradient in theta.grad, and return the mean loss ()."""
        threads, n_batch = len(self.models), objective.n_targets(batch)
        n_shards = min(threads * self.accumulate, len(batch[0]))
        if n_shards == 0:
            raise ValueError("the batch is empty: give at least one example")

        def work(i: int) -> Array:
            self.thetas[i].grad[...] = 0
            total = np.zeros_like(self.thetas[i].data, shape=())
            for part in _shards(len(batch[0]), n_shards)[i::threads]:
                shard = tuple(x[part] for x in batch)
                share = objective.n_targets(shard) / max(1, n_batch)
                shard_rng = None if rng is None else rng.take(part)
                loss, backward = objective(self.models[i], shard, shard_rng)
                backward(share)
                total += share * loss
            return total

        with blas_threads(1):
            shares = [self.pool.submit(work, i) for i in range(threads)]
            wait(shares)  # where one fails, no other goes on behind the caller's back
        losses = [share.result() for share in shares]
        for other in self.thetas[1:]:
            self.thetas[0].grad += other.grad
        return sum(losses[1:], losses[0])


def _shards(n: int, n_parts: int) -> list[slice]:
    """n rows in n_parts neighbouring parts, as equal as they can be."""
    ends = [i * n // n_parts for i in range(n_parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]
