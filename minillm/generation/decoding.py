"""Write on: choose a token, append it, ask again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from minillm.device import to_host
from minillm.generation import arguments
from minillm.generation.sampling import sample
from minillm.generation.settings import SamplingSettings
from minillm.generation.stepper import Stepper
from minillm.types import Array


@dataclass(frozen=True)
class Token:
    """A token that was chosen, and the exact distribution that it was drawn from."""

    id: int
    probabilities: Array  # (vocab_size,), float64


def generate(
    model: Stepper,
    ids: Array,
    max_new_tokens: int,
    *,
    settings: SamplingSettings | None = None,
    stop: Callable[[list[int]], bool] | None = None,
    window: int | None = None,
    rng: np.random.Generator,
) -> Iterator[Token]:
    """Stream new tokens that continue `ids`, each read through the KV cache.

        p(next | ids) = settings.distribution(logits(ids))

    `stop(new_ids)` ends the text after a token for which it is true. A text that
    outgrows the model's max_seq_len is an error before any work, unless `window` is
    given: whenever the context is full, the last `window` ids are read again, from
    position 0 on. The model forgets what came before; the repetition penalty does not.

    Shapes: ids (n,) of int, n >= 1.
    Raises ValueError for an empty prompt, ids outside the vocabulary, a context that
    is too long, max_new_tokens < 0, or a window outside [1, max_seq_len).
    """
    settings = settings or SamplingSettings()
    context = _checked_prompt(model, ids, max_new_tokens, window)
    return _stream(model, context, max_new_tokens, settings, stop, window, rng)


def _stream(
    model: Stepper,
    context: list[int],
    max_new_tokens: int,
    settings: SamplingSettings,
    stop: Callable[[list[int]], bool] | None,
    window: int | None,
    rng: np.random.Generator,
) -> Iterator[Token]:
    caches, unread, n_prompt = model.caches(), list(context), len(context)
    single_step, longest = model.single_step(caches), arguments.longest(model.config)
    for _ in range(max_new_tokens):
        if len(caches[0]) + len(unread) > longest:
            assert window is not None  # the door let nothing else through
            caches, unread = model.caches(), context[-window:]
            single_step = model.single_step(caches)
        if len(caches[0]):
            logits = single_step(*unread)
        else:
            logits = model.step(np.array([unread]), caches)[0, -1]
        probabilities = settings.distribution(to_host(logits), np.array(context))
        token = int(sample(probabilities, rng))
        context.append(token)
        unread = [token]
        yield Token(token, probabilities)
        if stop is not None and stop(context[n_prompt:]):
            return


def _checked_prompt(
    model: Stepper, ids: Array, max_new_tokens: int, window: int | None
) -> list[int]:
    longest = arguments.longest(model.config)
    prompt = arguments.checked_prompt(ids, model.config.vocab_size)
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens {max_new_tokens} must be at least 0")
    if window is not None and not 1 <= window < longest:
        raise ValueError(f"window {window}: give 1 to {longest - 1} (below max_seq_len)")
    if window is None:
        advice = "shorten them, or give a sliding window"
        arguments.check_context(len(prompt), max_new_tokens, longest, advice)
    return prompt
