"""A training step: ours as the Trainer takes it, against PyTorch eager.

As a contestant: `python -m tests.benchmarks.training_step SIDE SIZE THREADS`. Libraries
are imported by the side that runs on them, so that neither burdens the other's process.
"""

import itertools
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from minillm.cli.presets import Preset
from tests.benchmarks.contestants import Race, answer
from tests.benchmarks.sizes import N_BATCHES, SIZES, batches, decoder
from tests.benchmarks.table import Ratio, Row

LR, CLIP = 1e-3, 1.0
STEPS = {"S": 8, "M": 1}  # in a round
ROUNDS = {"S": 24, "M": 12}
TARGET = 1.3
AGREE = 1e-3  # nats: how far losses may be apart

Step = Callable[[], float]  # one update of the weights; returns the loss before it


def our_step(size: Preset, threads: int) -> Step:
    from minillm import training

    training.keep_freed_memory()
    model, data = decoder(size), batches(size)
    trainer = training.Trainer(
        model,
        training.NextToken(),
        lambda step: data[step % N_BATCHES],
        training.AdamW(training.Flat(model)),
        training.Constant(LR),
        training.TrainerSettings(steps=0, clip=CLIP, threads=threads),
    )
    return trainer.train_step


def torch_step(size: Preset, threads: int) -> Step:
    import torch
    import torch.nn.functional as F

    from tests.benchmarks.torch_decoder import TorchDecoder

    torch.set_num_threads(threads)
    model = TorchDecoder(size)
    model.load_ours(decoder(size).state_dict())
    decayed = {p for n, p in model.named_parameters() if n.endswith("_proj.weight")}
    others = [p for p in model.parameters() if p not in decayed]
    groups: list[dict[str, Any]] = [
        {"params": list(decayed)},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LR)
    data = itertools.cycle(
        [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in batches(size)]
    )

    def step() -> float:
        inputs, targets = next(data)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        return loss.item()

    return step


SIDES = {"ours": our_step, "torch": torch_step}


def rows(quick: bool) -> list[Row]:
    """S and M by the clock, and the work alone: the CPU time of one thread."""
    return [row for name in (["S"] if quick else SIZES) for row in _race(name, quick)]


def _race(name: str, quick: bool) -> list[Row]:
    commands = {
        f"{side} {threads}": (__name__, side, name, threads)
        for side, threads in itertools.product(SIDES, (1, 2))
    }
    with Race(commands) as race:
        fault = _disagreement(race.ask("losses"))  # these steps warm both sides up, too
        rounds = race.rounds("time", ROUNDS[name] // (4 if quick else 1))
    wall = {side: [wall for wall, _ in times] for side, times in rounds.items()}
    cpu = {side: [cpu for _, cpu in times] for side, times in rounds.items()}
    by_the_clock = Ratio(wall["ours 2"], min(wall["torch 1"], wall["torch 2"], key=median))
    by_work = Ratio(cpu["ours 1"], cpu["torch 1"])
    what = f"training step {name}, time / PyTorch eager"
    return [
        Row(what, by_the_clock, TARGET, fault=fault),
        Row(f"{what}: CPU time, one thread", by_work, TARGET, fault=fault),
    ]


def _disagreement(losses: dict[str, list[float]]) -> str:
    """What is wrong if the sides did not learn alike, else nothing."""
    apart = max(max(step) - min(step) for step in zip(*losses.values(), strict=True))
    if apart <= AGREE:
        return ""
    return f"losses are {apart:.1e} nats apart within {N_BATCHES} steps"


def _serve(side: str, name: str, threads: int) -> None:
    step = SIDES[side](SIZES[name], threads)

    def timed() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(STEPS[name]):
            step()
        return time.perf_counter() - wall, time.process_time() - cpu

    answer({"losses": lambda: [step() for _ in range(N_BATCHES)], "time": timed})


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
