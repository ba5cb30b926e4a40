"""DecoderOnly against GPT-2 as transformers has it, through the loss, every gradient.

GPT-2 embeds ids with the matrix E' that scores its output; ours multiplies E by
sqrt(d_model) on the way in. The two are the same function where

    E' = sqrt(d_model) E        gamma' = gamma / sqrt(d_model)      (the final norm's,
                                                                     and beta' alike)

as logits = norm(h) E'^T = (gamma' x_hat + beta') sqrt(d_model) E^T. By the chain rule
gradients take the inverse factors: dE' = dE / sqrt(d_model), and
dgamma' = sqrt(d_model) dgamma.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from minillm.models import DecoderConfig, DecoderOnly
from tests.gpt2_form import gpt2_form
from tests.parity.gpt2_peer import D_MODEL, SCALE, make_gpt2
from tests.parity.torch_peer import (
    assert_close,
    assert_same_layer,
    cross_entropy,
    dtypes,
    learn,
    load,
    torch,
    weights,
)
from tests.strategies import examples, rngs, scatter


@dtypes
@examples(8)
@given(rng=rngs, n_layers=st.integers(1, 3), n_heads=st.sampled_from([2, 3]))
def test_gpt2_logits_loss_and_every_gradient(dtype, rng, n_layers, n_heads):
    """Every parameter is drawn anew, norms and biases too; some targets are ignored."""
    config = DecoderConfig(17, 9, D_MODEL, n_layers, n_heads, d_ff=20)
    model, peer = DecoderOnly(config, rng=rng), make_gpt2(config)
    ids, targets = rng.integers(0, 17, (2, 4, 7))
    targets[rng.random(targets.shape) < 0.2] = F.IGNORED
    targets[0, 0] = 0

    assert_same_layer(
        model,
        peer,
        lambda arrays: gpt2_form(arrays, SCALE, n_layers),
        lambda: learn(model, targets, ids),
        lambda: cross_entropy(peer(torch.tensor(ids)).logits, targets),
        [],
        rng,
        dtype,
        lambda arrays: gpt2_form(arrays, 1 / SCALE, n_layers),
    )


@examples(8)
@given(rng=rngs, cut=st.integers(1, 6))
def test_steps_through_our_cache_are_gpt2s_steps_through_its_own(rng, cut):
    config = DecoderConfig(17, 9, D_MODEL, 2, 3, d_ff=20)
    model = scatter(DecoderOnly(config, rng=rng).astype(np.float64), rng)
    peer = make_gpt2(config).double().eval()
    load(peer, gpt2_form(weights(model), SCALE, 2))
    ids = rng.integers(0, 17, (4, 7))
    caches, past = model.caches(), None
    for chunk in np.split(ids, [cut], 1):
        logits = model.step(chunk, caches)
        with torch.no_grad():
            step = peer(torch.tensor(chunk), past_key_values=past, use_cache=True)
        past = step.past_key_values
        assert_close(logits, step.logits, np.float64, "logits")
