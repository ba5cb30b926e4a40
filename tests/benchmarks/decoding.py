"""Decoding one text through the KV cache: our generate() against transformers' own.

As a contestant: `python -m tests.benchmarks.decoding SIDE SIZE THREADS`.
"""

import sys
import time
from collections.abc import Callable
from itertools import product
from statistics import median

import numpy as np

from tests.benchmarks.contestants import Race, answer
from tests.benchmarks.sizes import SIZES, decoder
from tests.benchmarks.table import Ratio, Row

N_PROMPT = 16
ROUNDS = {"S": 20, "M": 10}
TARGET = 2.0

Decode = Callable[[], list[int]]  # one whole text, greedily; returns the new ids


def our_decode(name: str, threads: int) -> Decode:
    from minillm.generation import SamplingSettings, generate
    from minillm.training import blas_threads

    model, greedy = decoder(SIZES[name]), SamplingSettings(temperature=0)
    prompt, n_new = _task(name)
    rng = np.random.default_rng(0)

    def decode() -> list[int]:
        with blas_threads(threads):
            tokens = generate(model, prompt, n_new, settings=greedy, rng=rng)
            return [token.id for token in tokens]

    return decode


def torch_decode(name: str, threads: int) -> Decode:
    import torch

    from tests.benchmarks.gpt2_peer import gpt2

    torch.set_num_threads(threads)
    peer = gpt2(SIZES[name], decoder(SIZES[name]).state_dict())
    prompt, n_new = _task(name)
    ids = torch.from_numpy(prompt)[None]
    settings = {"max_new_tokens": n_new, "do_sample": False, "use_cache": True}

    def decode() -> list[int]:
        with torch.inference_mode():
            text = peer.generate(ids, attention_mask=torch.ones_like(ids), **settings)
        return list(map(int, text[0, len(prompt) :]))

    return decode


SIDES = {"ours": our_decode, "transformers": torch_decode}


def rows(quick: bool) -> list[Row]:
    return [_race(name, quick) for name in SIZES]


def _race(name: str, quick: bool) -> Row:
    """Each side has the better of one and two threads: small products gain from one."""
    commands = {
        f"{side} {threads}": (__name__, side, name, threads)
        for side, threads in product(SIDES, (1, 2))
    }
    with Race(commands) as race:
        texts = race.ask("text").values()  # which warms both sides up, too
        rates = race.rounds("rate", ROUNDS[name] // (4 if quick else 1))
    first, *others = texts
    fault = "" if all(text == first for text in others) else "the texts differ"
    ours, theirs = (
        max(rates[f"{side} 1"], rates[f"{side} 2"], key=median) for side in SIDES
    )
    what = f"decoding {name}, batch 1, tokens/s / transformers generate"
    return Row(what, Ratio(ours, theirs), TARGET, at_least=True, fault=fault)


def _task(name: str) -> tuple[np.ndarray, int]:
    """The prompt, and how many tokens fill the context after it."""
    size = SIZES[name]
    prompt = np.random.default_rng(2).integers(0, size.vocab_size, N_PROMPT)
    return prompt, size.max_seq_len - N_PROMPT


def _serve(side: str, name: str, threads: int) -> None:
    decode = SIDES[side](name, threads)

    def rate() -> float:
        begun = time.perf_counter()
        text = decode()
        return len(text) / (time.perf_counter() - begun)

    answer({"text": decode, "rate": rate})


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
