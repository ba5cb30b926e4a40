"""A training step of an encoder, an encoder-decoder and an LSTM beside PyTorch's modules.

As the Trainer takes it, against nn.TransformerEncoder, nn.Transformer and nn.LSTM with
the same weights, batches and padding; and the peak memory of it, as memory.py measures.

As a contestant: `python -m tests.benchmarks.architectures SIDE KIND THREADS`.
"""

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from minillm.cli.presets import PRESETS, Preset
from minillm.functional import IGNORED
from minillm.layers import Module
from minillm.models import (
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    MaskedLanguageModel,
    RecurrentConfig,
    RecurrentLM,
)
from minillm.types import Array
from tests.benchmarks.contestants import Race, answer, fresh_rounds
from tests.benchmarks.memory import STATUS, peak_kib
from tests.benchmarks.sizes import N_BATCHES
from tests.benchmarks.table import Ratio, Row

LR, CLIP, AGREE = 1e-3, 1.0, 1e-3
STEPS, ROUNDS = 4, 16
MEMORY_TARGET = 1.5

Batch = tuple[Array, ...]
Step = Callable[[], float]


@dataclass(frozen=True)
class Kind:
    """One architecture: our model, its objective, PyTorch's class, and its batches.

    `inputs` are the places in a batch of what PyTorch's model is called with, `targets` is
    the place of the targets.
    """

    model: Callable[[Preset], Module]
    objective: str
    peer: str
    batch: Callable[[Preset, np.random.Generator], Batch]
    inputs: tuple[int, ...]
    targets: int
    target_time: float


def encoder(size: Preset) -> Module:
    config = EncoderConfig(
        size.vocab_size,
        size.max_seq_len,
        size.d_model,
        size.n_layers,
        size.n_heads,
        block="pre_norm",
        embed_norm="none",
        activation="gelu",
    )
    return MaskedLanguageModel(config, rng=np.random.default_rng(0))


def encoder_decoder(size: Preset) -> Module:
    config = EncoderDecoderConfig(
        size.vocab_size,
        size.max_seq_len,
        size.d_model,
        size.n_layers // 2,
        size.n_heads,
        block="pre_norm",
        positions="learned",
    )
    return EncoderDecoder(config, rng=np.random.default_rng(0))


def lstm(size: Preset) -> Module:
    config = RecurrentConfig(size.vocab_size, 2 * size.d_model, size.n_layers // 2)
    return RecurrentLM(config, rng=np.random.default_rng(0))


def common_ids(size: Preset, rng: np.random.Generator, *shape: int) -> Array:
    """Low ids are the commonest, so that there is something to learn at once."""
    return (size.vocab_size * rng.random((size.batch, *shape)) ** 3).astype(np.int64)


def padding(size: Preset, rng: np.random.Generator) -> Array:
    """Sequences fill between half of their room and all of it."""
    lengths = rng.integers(size.max_seq_len // 2, size.max_seq_len + 1, (size.batch, 1))
    return np.arange(size.max_seq_len) < lengths


def masked_batch(size: Preset, rng: np.random.Generator) -> Batch:
    ids, mask = common_ids(size, rng, size.max_seq_len), padding(size, rng)
    chosen = mask & (rng.random(ids.shape) < 0.15)
    return np.where(chosen, 0, ids), np.where(chosen, ids, IGNORED), mask


def pair_batch(size: Preset, rng: np.random.Generator) -> Batch:
    source = common_ids(size, rng, size.max_seq_len)
    windows = common_ids(size, rng, size.max_seq_len + 1)
    source_mask, target_mask = padding(size, rng), padding(size, rng)
    targets = np.where(target_mask, windows[:, 1:], IGNORED)
    return source, windows[:, :-1].copy(), targets, source_mask, target_mask


def causal_batch(size: Preset, rng: np.random.Generator) -> Batch:
    windows = common_ids(size, rng, size.max_seq_len + 1)
    return windows[:, :-1].copy(), windows[:, 1:].copy()


KINDS = {
    "encoder": Kind(
        encoder, "MaskedTokens", "TorchEncoder", masked_batch, (0, 2), 1, target_time=1.2
    ),
    "encoder-decoder": Kind(
        encoder_decoder,
        "SequenceToSequence",
        "TorchEncoderDecoder",
        pair_batch,
        (0, 1, 3, 4),
        2,
        target_time=1.2,
    ),
    "LSTM": Kind(lstm, "NextToken", "TorchLSTM", causal_batch, (0,), 1, target_time=2.0),
}


def batches(kind: Kind, size: Preset) -> list[Batch]:
    rng = np.random.default_rng(1)
    return [kind.batch(size, rng) for _ in range(N_BATCHES)]


def our_step(kind: Kind, size: Preset, threads: int) -> Step:
    from minillm import training

    training.keep_freed_memory()
    model, data = kind.model(size), batches(kind, size)
    trainer = training.Trainer(
        model,
        getattr(training, kind.objective)(),
        lambda step: data[step % N_BATCHES],
        training.AdamW(training.Flat(model), weight_decay=0.0),
        training.Constant(LR),
        training.TrainerSettings(steps=0, clip=CLIP, threads=threads),
    )
    return trainer.train_step


def torch_step(kind: Kind, size: Preset, threads: int) -> Step:
    import torch
    import torch.nn.functional as F

    from tests.benchmarks import torch_architectures

    torch.set_num_threads(threads)
    ours: Any = kind.model(size)
    model = getattr(torch_architectures, kind.peer)(ours.config, ours.state_dict())
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=LR, weight_decay=0.0)
    data = itertools.cycle(
        [[torch.from_numpy(x) for x in batch] for batch in batches(kind, size)]
    )

    def step() -> float:
        batch = next(data)
        logits = model(*(batch[i] for i in kind.inputs))
        targets = batch[kind.targets]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, CLIP)
        optimizer.step()
        return loss.item()

    return step


SIDES = {"ours": our_step, "torch": torch_step}


def rows(quick: bool) -> list[Row]:
    """Of each kind the time by the clock, each side on its better number of threads."""
    found = [_race(name, ROUNDS // (4 if quick else 1)) for name in KINDS]
    if STATUS.exists():
        found += [_memory(name, 2 if quick else 3) for name in KINDS]
    return found


def _race(name: str, n_rounds: int) -> Row:
    commands = {
        f"{side} {threads}": (__name__, side, name, threads)
        for side, threads in itertools.product(SIDES, (1, 2))
    }
    with Race(commands) as race:
        losses = race.ask("losses")
        times = race.rounds("time", n_rounds)
    apart = max(max(step) - min(step) for step in zip(*losses.values(), strict=True))
    fault = "" if apart <= AGREE else f"losses are {apart:.1e} nats apart"
    ours, theirs = (
        min((times[f"{side} {threads}"] for threads in (1, 2)), key=median)
        for side in SIDES
    )
    what = f"training step of the {name}, time / PyTorch's modules"
    return Row(what, Ratio(ours, theirs), KINDS[name].target_time, fault=fault)


def _memory(name: str, n_rounds: int) -> Row:
    commands = {side: (__name__, side, name, 2) for side in SIDES}
    peaks = fresh_rounds(commands, "peak", n_rounds)
    what = f"peak memory of a step of the {name} / PyTorch's modules"
    return Row(what, Ratio(peaks["ours"], peaks["torch"]), MEMORY_TARGET)


def _serve(side: str, name: str, threads: int) -> None:
    kind, make = KINDS[name], SIDES[side]
    steps: list[Step] = []

    def step() -> float:
        if not steps:
            steps.append(make(kind, PRESETS["small"], threads))
        return steps[0]()

    def timed() -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            step()
        return time.perf_counter() - begin

    def rise() -> int:
        make(kind, PRESETS["tiny"], threads)()
        before = peak_kib()
        for _ in range(STEPS):
            step()
        return peak_kib() - before

    answer(
        {"losses": lambda: [step() for _ in range(N_BATCHES)], "time": timed, "peak": rise}
    )


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
