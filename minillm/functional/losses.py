"""Losses: a scalar, and the gradient that starts the backward pass."""

import numpy as np

from minillm.functional.ids import check_array, check_ids
from minillm.types import Array, BackwardLoss, Gradient

IGNORED = -100  # a target that asks for nothing, as PyTorch numbers it


def cross_entropy(
    logits: Array,
    targets: Array,
    weights: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, BackwardLoss]:
    """Weighted mean negative log-likelihood of the targets.

        p     = softmax(logits)
        q     = (1 - label_smoothing) onehot(target) + label_smoothing / vocab_size
        share = w / sum(w),  w = weights, or 1;  0 where target is IGNORED (-100)
        loss  = sum(share (-sum(q log p)))              in nats; 0 when sum(w) is 0

    q is the smoothed target of Szegedy et al. 2016, sec. 7. As q sums to 1,
    -sum(q log p) = log(total) - sum(q z), with z = logits - max, total = sum(exp(z)).

    Backward. Each row is pulled from its prediction p towards its target q:

        dlogits = share (p - q)

    The weights are data, as ids and masks are: they get no gradient.

    Shapes:
        logits (..., vocab_size), targets (...) of int, weights (...)  ->  loss ()
    Raises ValueError for label_smoothing outside [0, 1), targets that do not fit.
    """
    target, share = _target_and_share(logits, targets, weights, label_smoothing)
    on_target = 1 - label_smoothing
    on_all = label_smoothing / logits.shape[-1]

    z = logits - logits.max(-1, keepdims=True)
    sum_q_z = on_target * np.take_along_axis(z, target, -1)
    if label_smoothing:
        sum_q_z += on_all * z.sum(-1, keepdims=True)
    exp_z = np.exp(z, out=z)
    total = exp_z.sum(-1, keepdims=True)
    loss = (share * (np.log(total) - sum_q_z)).sum()

    def backward(dloss: Gradient = 1.0) -> Array:
        dshare = np.multiply(dloss, share, dtype=share.dtype)
        dlogits = exp_z * (dshare / total)
        if label_smoothing:
            dlogits -= on_all * dshare
        at_target = np.take_along_axis(dlogits, target, -1)
        at_target -= on_target * dshare
        np.put_along_axis(dlogits, target, at_target, -1)
        return dlogits

    return loss, backward


def _target_and_share(
    logits: Array, targets: Array, weights: Array | None, label_smoothing: float
) -> tuple[Array, Array]:
    """Each row's target, 0 where it is ignored, and its share of the loss: (..., 1)."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing {label_smoothing}: give 0 <= it < 1")
    check_array("targets", targets)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets {targets.shape} do not fit logits {logits.shape}")
    if weights is not None and weights.shape != targets.shape:
        raise ValueError(f"weights {weights.shape} do not fit targets {targets.shape}")
    counts = (targets != IGNORED)[..., None]
    target = np.where(counts, targets[..., None], 0)
    check_ids("target", target, logits.shape[-1])
    w = counts.astype(logits.dtype)
    if weights is not None:
        w *= weights[..., None]
    total_w = w.sum()
    w /= np.where(total_w == 0, np.ones_like(total_w), total_w)
    return target, w
