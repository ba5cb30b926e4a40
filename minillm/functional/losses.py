"""Losses: a scalar, and the gradient that starts the backward pass."""

import numpy as np

from minillm.functional.ids import check_ids
from minillm.types import Array, BackwardLoss, Gradient

IGNORED = -100  # a target that asks for nothing, as PyTorch numbers it


def cross_entropy(
    logits: Array,
    targets: Array,
    weights: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, BackwardLoss]:
    """Weighted mean negative log-likelihood of the targets.

        log_p = logits - log sum(exp(logits))
        q     = (1 - label_smoothing) onehot(target) + label_smoothing / vocab_size
        w     = weights, or 1; 0 where target is IGNORED (-100)
        loss  = sum(w (-sum(q log_p))) / sum(w)        in nats; 0 when every w is 0

    q is the smoothed target of Szegedy et al. 2016, sec. 7.

    Backward. Each row is pulled from its prediction p towards its target q:

        dlogits = w (p - q) / sum(w)

    The weights are data, as ids and masks are: they get no gradient.

    Shapes:
        logits (..., vocab_size), targets (...) of int, weights (...)  ->  loss ()
    Raises ValueError for label_smoothing outside [0, 1), targets that do not fit.
    """
    vocab_size = logits.shape[-1]
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"label_smoothing {label_smoothing}: give 0 <= label_smoothing < 1"
        )
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets {targets.shape} do not fit logits {logits.shape}")
    if weights is not None and weights.shape != targets.shape:
        raise ValueError(f"weights {weights.shape} do not fit targets {targets.shape}")
    smooth = label_smoothing / vocab_size
    counts = (targets != IGNORED)[..., None]
    w = counts.astype(logits.dtype)
    if weights is not None:
        w *= weights[..., None]
    total_w = w.sum()
    w /= np.where(total_w == 0, np.ones_like(total_w), total_w)
    target = np.where(counts, targets[..., None], 0)
    check_ids("target", target, vocab_size)

    p = logits - logits.max(-1, keepdims=True)
    q_dot_logits = (1 - label_smoothing) * np.take_along_axis(p, target, -1)
    if label_smoothing:
        q_dot_logits += smooth * p.sum(-1, keepdims=True)
    np.exp(p, out=p)
    total = p.sum(-1, keepdims=True)
    loss = (w * (np.log(total) - q_dot_logits)).sum()

    def backward(dloss: Gradient = 1.0) -> Array:
        dloss_w = np.multiply(dloss, w, dtype=w.dtype)
        dlogits = p * (dloss_w / total)
        if label_smoothing:
            dlogits -= smooth * dloss_w
        at_target = np.take_along_axis(dlogits, target, -1)
        at_target -= (1 - label_smoothing) * dloss_w
        np.put_along_axis(dlogits, target, at_target, -1)
        return dlogits

    return loss, backward
