"""Our maps from logits to logits beside transformers' logits processors.

Drawn logits: of any size, repeated, far apart, with tokens forbidden already. Where a
threshold falls within float32's rounding of a sum, the two may differ and nothing is said.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.generation import (
    SamplingSettings,
    generate,
    greedy,
    min_p,
    probabilities,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
)
from minillm.models import DecoderConfig, DecoderOnly
from tests.gpt2_form import gpt2_form
from tests.parity.gpt2_peer import D_MODEL, SCALE, make_gpt2
from tests.parity.libraries import library
from tests.parity.torch_peer import load, torch, weights
from tests.strategies import examples, rngs, scatter

transformers = library("transformers")
theirs = library("transformers.generation.logits_process")

batches, vocab_sizes = st.integers(1, 3), st.integers(1, 40)
shares = st.floats(0.01, 0.99)
many = examples(100)


@st.composite
def logits(draw, values=None, batch=None):
    """(batch, vocab_size) in float32, of at least one finite number in every row."""
    if values is None:
        spread = draw(st.sampled_from([2.0**-7, 3.0, 128.0]))
        values = st.floats(-spread, spread, width=32) | st.just(-np.inf) | st.just(0.0)
    shape = batch or draw(batches), draw(vocab_sizes)
    row = st.lists(values, min_size=shape[1], max_size=shape[1])
    rows = draw(st.lists(row, min_size=shape[0], max_size=shape[0]))
    z = np.array(rows, np.float32)
    assume(np.isfinite(z).any(-1).all())
    return z


ties = logits(st.integers(-2, 3), batch=1)


def processed(processors, z, ids=None):
    """What transformers makes of logits, its processors applied one after the other."""
    ids = np.zeros((len(z), 1), int) if ids is None else ids
    scores = torch.from_numpy(z.copy())
    for processor in processors:
        scores = processor(torch.from_numpy(ids), scores)
    return scores.numpy()


def clear_of(p, shares):
    """No share so near p that the rounding of float32 sums decides."""
    return bool(np.all(np.abs(shares - p) > 1e-5))


def cumulative(z):
    return np.sort(probabilities(z), axis=-1)[..., ::-1].cumsum(-1)


@many
@given(z=logits(), t=st.floats(0.05, 5))
def test_temperature(z, t):
    """They do not subtract the largest logit: equal as probabilities."""
    expected = processed([theirs.TemperatureLogitsWarper(t)], z)
    bound = 4 * 2.0**-24 * np.abs(expected[np.isfinite(expected)]).max()  # of an exponent
    assert_allclose(
        probabilities(temperature(z, t)),
        probabilities(expected),
        rtol=np.expm1(bound) + 1e-6,
        atol=1e-12,
    )


@given(z=logits() | ties)
def test_temperature_0_is_their_argmax(z):
    """transformers refuses 0, and is greedy without sampling: the first of the best."""
    with pytest.raises(ValueError, match="temperature"):
        theirs.TemperatureLogitsWarper(0.0)
    best = torch.argmax(torch.from_numpy(z), -1).numpy()
    assert_array_equal(temperature(z, 0).argmax(-1), best)
    assert_array_equal(greedy(z).argmax(-1), best)


@many
@given(z=logits(), k=st.integers(1, 50))
def test_top_k(z, k):
    """Of tokens that tie at the boundary they keep all, and we the first."""
    ours, expected = top_k(z, k), processed([theirs.TopKLogitsWarper(k)], z)
    kept = np.isfinite(ours)
    boundary = np.where(kept, z, np.inf).min(-1, keepdims=True)
    assert np.all((ours == expected) | (z == boundary))
    assert np.all(np.isfinite(expected[kept]))
    assert_array_equal(kept.sum(-1), np.minimum(k, np.isfinite(z).sum(-1)))


@given(
    rng=rngs, batch=st.integers(1, 3), vocab_size=st.integers(1, 40), k=st.integers(1, 50)
)
def test_top_k_without_ties_is_theirs(rng, batch, vocab_size, k):
    z = np.stack([rng.permutation(vocab_size) for _ in range(batch)]).astype(np.float32)
    assert_array_equal(top_k(z, k), processed([theirs.TopKLogitsWarper(k)], z))


@many
@given(z=logits(), p=shares)
def test_top_p(z, p):
    """Which of the equals stay is our stated rule and their sort's secret."""
    assume(clear_of(p, cumulative(z)))
    expected = processed([theirs.TopPLogitsWarper(p)], z)
    assert_array_equal(np.sort(top_p(z, p)), np.sort(expected))


@given(rng=rngs, batch=batches, vocab_size=vocab_sizes, p=shares)
def test_top_p_without_ties_is_theirs(rng, batch, vocab_size, p):
    z = np.stack([rng.permutation(vocab_size) for _ in range(batch)])
    z = (z * rng.uniform(0.1, 1)).astype(np.float32)
    assume(clear_of(p, cumulative(z)))
    assert_array_equal(top_p(z, p), processed([theirs.TopPLogitsWarper(p)], z))


@many
@given(z=logits() | ties, p=st.floats(1e-30, 1) | st.sampled_from([0.0, 1.0]))
def test_min_p_ties_included(z, p):
    ratio = probabilities(z)
    ratio /= ratio.max(-1, keepdims=True)
    assume(np.all((np.abs(ratio - p) > 1e-5 * p) | (ratio == 1)))
    assert_array_equal(min_p(z, p), processed([theirs.MinPLogitsWarper(p)], z))


@many
@given(rng=rngs, z=logits(), n=st.integers(1, 20), penalty=st.floats(0.1, 5))
def test_repetition_penalty(rng, z, n, penalty):
    """Ids repeat; a logit of 0, or one that is forbidden, stays what it is."""
    ids = rng.integers(0, z.shape[1], (len(z), n))
    processor = theirs.RepetitionPenaltyLogitsProcessor(penalty)
    expected = processed([processor], z, ids)
    assert_allclose(repetition_penalty(z, ids, penalty), expected, rtol=2.0**-23)


CHAIN = {
    "repetition_penalty": (1.3, theirs.RepetitionPenaltyLogitsProcessor),
    "temperature": (0.8, theirs.TemperatureLogitsWarper),
    "top_k": (10, theirs.TopKLogitsWarper),
    "top_p": (0.9, theirs.TopPLogitsWarper),
    "min_p": (0.05, theirs.MinPLogitsWarper),
}  # in the order in which generate applies them


@many
@given(
    rng=rngs, batch=batches, vocab_size=vocab_sizes,
    chosen=st.sets(st.sampled_from(list(CHAIN))),
)  # fmt: skip
def test_any_of_them_together_in_their_order(rng, batch, vocab_size, chosen):
    z = (3 * rng.normal(size=(batch, vocab_size))).astype(np.float32)
    ids = rng.integers(0, vocab_size, (batch, 5))
    names = [name for name in CHAIN if name in chosen]
    settings = SamplingSettings(**{name: CHAIN[name][0] for name in names})
    chain = [make(value) for value, make in map(CHAIN.get, names)]
    expected = probabilities(processed(chain, z, ids))
    assert_allclose(settings.distribution(z, ids), expected, rtol=1e-4, atol=1e-9)


def test_generate_applies_them_in_that_order():
    """Read off the list that generate itself would build."""
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=8, n_embd=4, n_layer=1, n_head=1
    )
    model = transformers.GPT2LMHeadModel(config)
    values = {name: value for name, (value, _) in reversed(CHAIN.items())}
    settings = transformers.GenerationConfig(do_sample=True, **values)
    built = model._get_logits_processor(settings, input_ids_seq_length=1)
    assert [type(processor) for processor in built] == [kind for _, kind in CHAIN.values()]


@examples(8)
@given(rng=rngs, n_prompt=st.integers(1, 4), penalty=st.sampled_from([1.0, 1.5, 0.7]))
def test_greedy_texts_are_those_that_their_generate_writes(rng, n_prompt, penalty):
    """Through both caches, the prompt's tokens penalised too."""
    config = DecoderConfig(17, 16, D_MODEL, n_layers=2, n_heads=3, d_ff=20)
    model = scatter(DecoderOnly(config, rng=rng), rng).astype(np.float64)
    peer = make_gpt2(config).double().eval()
    load(peer, gpt2_form(weights(model), SCALE, 2))
    prompt = rng.integers(0, 17, n_prompt)
    chosen = SamplingSettings(temperature=0, repetition_penalty=penalty)
    ours = [token.id for token in generate(model, prompt, 10, settings=chosen, rng=rng)]
    text = peer.generate(
        torch.tensor(prompt)[None],
        attention_mask=torch.ones(1, n_prompt, dtype=torch.long),
        max_new_tokens=10,
        min_new_tokens=10,
        eos_token_id=None,
        pad_token_id=0,
        do_sample=False,
        repetition_penalty=penalty,
    )
    assert ours == text[0, n_prompt:].tolist()
