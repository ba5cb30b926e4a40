"""Beam search against transformers' generate, where the two searches are the same.

They differ once a text ends: theirs refills the beam with candidates of lower rank, ours
(Sutskever et al. 2014) lets it shrink until the next token. And their length penalty is
|Y|^alpha, not Wu's. So: texts that cannot end, at any width; and widths that never
discard, without a penalty. They keep their sums in float32.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.generation import beam_search
from minillm.models import DecoderConfig, DecoderOnly
from tests.gpt2_form import gpt2_form
from tests.parity.gpt2_peer import D_MODEL, SCALE, make_gpt2
from tests.parity.torch_peer import load, torch, weights
from tests.strategies import examples, rngs, scatter

VOCAB_SIZE = 5
prompts = st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=3)


def decoder_and_gpt2(rng):
    config = DecoderConfig(VOCAB_SIZE, 8, D_MODEL, n_layers=1, n_heads=2, d_ff=20)
    model = scatter(DecoderOnly(config, rng=rng), rng).astype(np.float64)
    peer = make_gpt2(config).double().eval()
    load(peer, gpt2_form(weights(model), SCALE, 1))
    return model, peer


def their_search(peer, prompt, width, max_new_tokens, end_id):
    """(ids without padding, log P) of the texts that ended or were cut off."""
    found = peer.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        num_beams=width,
        num_return_sequences=width,
        max_new_tokens=max_new_tokens,
        eos_token_id=end_id,
        pad_token_id=0 if end_id is None else end_id,
        length_penalty=0.0,
        early_stopping="never",
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    texts = []
    for ids, log_p in zip(found.sequences, found.sequences_scores, strict=True):
        new = ids[len(prompt) :].tolist()
        length = new.index(end_id) + 1 if end_id in new else len(new)
        texts.append((tuple(new[:length]), float(log_p)))
    return [text for text in texts if text[1] > -1e8]  # their mark of an unused place


class Endless:
    """A model whose vocabulary has one more token, of probability 0."""

    def __init__(self, model):
        self.model, self.config = model, self
        self.vocab_size = model.config.vocab_size + 1
        self.max_seq_len = model.config.max_seq_len

    def caches(self):
        return self.model.caches()

    def step(self, ids, caches):
        logits = self.model.step(ids, caches)
        return np.pad(logits, [(0, 0), (0, 0), (0, 1)], constant_values=-np.inf)


def assert_same(ours, theirs):
    assert [y.ids for y in ours] == [ids for ids, _ in theirs]
    assert_allclose([y.log_probability for y in ours], [p for _, p in theirs], rtol=1e-5)


@examples(8)
@given(rng=rngs, prompt=prompts, width=st.integers(2, 6), n_new=st.integers(2, 5))
def test_texts_that_cannot_end_at_any_width(rng, prompt, width, n_new):
    model, peer = decoder_and_gpt2(rng)
    ours = beam_search(
        Endless(model),
        np.array(prompt),
        width=width,
        max_new_tokens=n_new,
        end_id=VOCAB_SIZE,
    )
    assert_same(ours, their_search(peer, prompt, width, n_new, None))


@examples(8)
@given(rng=rngs, prompt=prompts, end_id=st.integers(0, VOCAB_SIZE - 1))
def test_widths_that_never_discard(rng, prompt, end_id):
    model, peer = decoder_and_gpt2(rng)
    width = VOCAB_SIZE * (VOCAB_SIZE - 1) ** 2
    ours = beam_search(
        model, np.array(prompt), width=width, max_new_tokens=3, end_id=end_id
    )
    assert len(ours) == width  # of 1 + 4 + 16 x 5 texts
    theirs = their_search(peer, prompt, width, 3, end_id)
    assert_same(ours, theirs)
