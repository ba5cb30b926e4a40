"""Span corruption: cut pieces out of a text, and ask for the pieces."""

from collections.abc import Mapping, Sequence

import numpy as np

from minillm.types import Array


def corrupt(
    ids: Array,
    sentinel_ids: Sequence[int],
    *,
    rng: np.random.Generator,
    density: float = 0.15,
    mean_span: float = 3.0,
) -> tuple[Array, Array]:
    """Replace random spans by sentinels (Raffel et al. 2020, fig. 2, sec. 3.1.4, 3.3.4).

        ids      Thank you for inviting me to your party last week .
        inputs   Thank you <0> me to your party <1> week .
        targets  <0> for inviting <1> last <2>

    The targets close with one more sentinel, which says that the last span is over. The
    example of many courses, "The teacher teaches the student" -> "The teacher <0>
    student" and "<0> teaches the", leaves it out; the paper's targets for it, and those
    made here, are "<0> teaches the <1>".

    How much is cut out depends on the length n = len(ids) alone:

        n_noise = round(n density)               between 1 and n - 1
        n_spans = round(n_noise / mean_span)     at least 1; no part stays empty

    The noise is cut into n_spans pieces, the kept text into as many, every way of
    cutting as likely as any other, and the pieces take turns, kept text first: a text
    begins with a kept token and ends with a span, as the authors' code draws it. Mind
    that a text so short that it has one span, up to 30 tokens, always loses its end.

    Shapes: ids (n,), n >= 2  ->  inputs (n - n_noise + n_spans,),
        targets (n_noise + n_spans + 1,), both of int64
    Raises ValueError for a text of less than 2 tokens, too few or repeated sentinels,
    a sentinel inside the text, a density outside (0, 1), a mean_span below 1.
    """
    ids = _text(ids, sentinel_ids)
    n_noise, n_spans = noise_and_spans(len(ids), density, mean_span)
    if len(sentinel_ids) < n_spans + 1:
        raise ValueError(
            f"{len(sentinel_ids)} sentinel_ids: {len(ids)} tokens are cut in {n_spans} "
            f"spans, which takes {n_spans + 1} sentinels"
        )
    kept = _segments(len(ids) - n_noise, n_spans, rng)
    noise = _segments(n_noise, n_spans, rng)
    ends = np.cumsum(np.stack([kept, noise], 1))  # of kept text, of noise, and so on
    pieces = np.split(ids, ends[:-1])

    inputs: list[Array] = []
    targets: list[Array] = []
    *sentinels, last = np.array(sentinel_ids)[: n_spans + 1, None]
    for sentinel, text, span in zip(sentinels, pieces[::2], pieces[1::2], strict=True):
        inputs += [text, sentinel]
        targets += [sentinel, span]
    targets += [last]
    return np.concatenate(inputs), np.concatenate(targets)


def noise_and_spans(
    n: int, density: float = 0.15, mean_span: float = 3.0
) -> tuple[int, int]:
    """How many of n tokens are cut out, and in how many spans: see corrupt."""
    if n < 2:
        raise ValueError(f"a text of {n} tokens cannot keep one and lose one: give 2")
    if not 0 < density < 1:
        raise ValueError(f"density {density}: give 0 < density < 1")
    if not mean_span >= 1:
        raise ValueError(f"mean_span {mean_span}: a span has 1 token or more")
    n_noise = min(max(round(n * density), 1), n - 1)
    n_spans = min(max(round(n_noise / mean_span), 1), n_noise, n - n_noise)
    return n_noise, n_spans


def restore(inputs: Array, targets: Array, sentinel_ids: Sequence[int]) -> Array:
    """The text that was corrupted: restore(*corrupt(ids, s, rng=rng), s) == ids.

    Shapes: inputs, targets (any length,)  ->  ids (n,) of int64
    Raises ValueError unless both hold the sentinels in order, each once, and the
    targets begin with the first and close with one more than the inputs have.
    """
    inputs, targets = np.asarray(inputs, np.int64), np.asarray(targets, np.int64)
    in_inputs = np.flatnonzero(np.isin(inputs, sentinel_ids))
    in_targets = np.flatnonzero(np.isin(targets, sentinel_ids))
    n_spans = len(in_inputs)
    expected = list(sentinel_ids[: n_spans + 1])
    if (
        inputs[in_inputs].tolist() != expected[:n_spans]
        or targets[in_targets].tolist() != expected
        or in_targets[0] != 0
        or in_targets[-1] != len(targets) - 1
    ):
        raise ValueError(
            f"inputs with the sentinels {inputs[in_inputs].tolist()} and targets with "
            f"{targets[in_targets].tolist()} do not belong together: the targets must "
            f"begin with the first and close with one more, {expected}"
        )
    texts = np.split(inputs, in_inputs)
    spans = np.split(targets, in_targets)[1:-1]
    pieces = [texts[0]]
    for text, span in zip(texts[1:], spans, strict=True):
        pieces += [span[1:], text[1:]]  # without the sentinels that they begin with
    return np.concatenate(pieces)


def sentinel_ids(special_tokens: Mapping[str, int], n: int) -> list[int]:
    """The ids of <extra_id_0> to <extra_id_{n-1}> in a tokenizer's special_tokens.

    Raises ValueError, naming the first that is missing from the vocabulary.
    """
    names = [f"<extra_id_{i}>" for i in range(n)]
    missing = [name for name in names if name not in special_tokens]
    if missing:
        raise ValueError(
            f"the vocabulary has no sentinel {missing[0]}: {n} are needed, build the "
            f"tokenizer with special tokens <extra_id_0> to <extra_id_{n - 1}>"
        )
    return [special_tokens[name] for name in names]


def _segments(n: int, n_parts: int, rng: np.random.Generator) -> Array:
    """The lengths of n_parts non-empty parts of n: uniform over the ways to cut.

    A way to cut is a choice of n_parts - 1 of the n - 1 places between neighbours.
    """
    cuts = np.sort(rng.permutation(n - 1)[: n_parts - 1]) + 1
    return np.diff(cuts, prepend=0, append=n)


def _text(ids: Array, sentinel_ids: Sequence[int]) -> Array:
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"ids of shape {ids.shape} and dtype {ids.dtype}: give one axis of integers"
        )
    if len(set(sentinel_ids)) < len(sentinel_ids):
        raise ValueError(f"sentinel_ids {list(sentinel_ids)} name one token twice")
    inside = ids[np.isin(ids, sentinel_ids)]
    if inside.size:
        raise ValueError(f"the text holds the sentinel {inside[0]}: it must hold none")
    return ids.astype(np.int64)
