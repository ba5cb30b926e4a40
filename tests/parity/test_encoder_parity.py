"""Encoders against torch.nn.TransformerEncoder, BERT, RoBERTa and DistilBERT.

Every parameter is drawn anew, norms and biases too; sequences are padded, and are
compared where there are tokens: at padding ours is 0 and theirs is whatever comes.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from minillm.models import (
    ClassifierConfig,
    EncoderConfig,
    EncoderOnly,
    MaskedLanguageModel,
    SequenceClassifier,
    TokenClassifier,
)
from tests.parity.encoder_peers import (
    BATCH,
    D_FF,
    D_MODEL,
    LABELS,
    MAX_SEQ_LEN,
    PAD,
    SCALE,
    SEQ_LEN,
    VOCAB_SIZE,
    bert,
    bert_mlm_form,
    bert_sequence_form,
    bert_token_form,
    distilbert,
    distilbert_mlm_form,
    encoder_form,
    make_torch_encoder,
    roberta,
    roberta_mlm_form,
    set_norm_eps,
    transformers,
)
from tests.parity.torch_peer import (
    assert_same_layer,
    cross_entropy,
    dtypes,
    learn,
    torch,
)
from tests.strategies import examples, rngs

few = examples(5)
layer_counts = st.integers(1, 3)
head_counts = st.sampled_from([2, 3])


def draw_batch(rng):
    """ids that are PAD behind the mask and nowhere else: the peers never learn it."""
    ids = rng.integers(2, VOCAB_SIZE, (BATCH, SEQ_LEN))
    mask = np.arange(SEQ_LEN) < rng.integers(1, SEQ_LEN + 1, (BATCH, 1))
    return np.where(mask, ids, PAD), mask, rng.integers(0, 2, ids.shape)


@dtypes
@pytest.mark.parametrize("block", ["post_norm", "pre_norm"])
@few
@given(rngs, layer_counts, head_counts, st.sampled_from(["relu", "gelu_exact"]))
def test_pytorchs_encoder_and_every_gradient(
    dtype, block, rng, n_layers, n_heads, activation
):
    config = EncoderConfig(
        VOCAB_SIZE,
        MAX_SEQ_LEN,
        D_MODEL,
        n_layers,
        n_heads,
        d_ff=D_FF,
        block=block,
        activation=activation,
        embed_norm="none",
    )
    model, peer = EncoderOnly(config, rng=rng), make_torch_encoder(config)
    ids, mask, _ = draw_batch(rng)
    assert_same_layer(
        model,
        peer,
        lambda arrays: encoder_form(arrays, n_layers),
        lambda: model(ids, mask),
        lambda: peer(torch.tensor(ids), torch.tensor(mask)),
        [],
        rng,
        dtype,
    )


def make_model(rng, kind, n_layers, n_heads, n_segments):
    shape = VOCAB_SIZE, MAX_SEQ_LEN, D_MODEL, n_layers, n_heads, D_FF
    if kind is MaskedLanguageModel:
        config = EncoderConfig(*shape, n_segments=n_segments)
    else:
        config = ClassifierConfig(*shape, n_segments=n_segments, labels=LABELS)
    return kind(config, rng=rng)


def draw_targets(rng, kind, mask):
    """Each has one that counts; places that hold no token never count."""
    if kind is SequenceClassifier:
        return rng.integers(0, len(LABELS), BATCH)
    n = VOCAB_SIZE if kind is MaskedLanguageModel else len(LABELS)
    targets = rng.integers(0, n, mask.shape)
    targets[~mask | (rng.random(mask.shape) < 0.3)] = F.IGNORED
    targets[0, 0] = 0
    return targets


PEERS = {
    "BertForMaskedLM": (MaskedLanguageModel, 2, bert, bert_mlm_form),
    "RobertaForMaskedLM": (MaskedLanguageModel, 1, roberta, roberta_mlm_form),
    "DistilBertForMaskedLM": (MaskedLanguageModel, 0, distilbert, distilbert_mlm_form),
    "BertForSequenceClassification": (SequenceClassifier, 2, bert, bert_sequence_form),
    "BertForTokenClassification": (TokenClassifier, 2, bert, bert_token_form),
}


@dtypes
@pytest.mark.parametrize("name", PEERS)
@few
@given(rng=rngs, n_layers=layer_counts, n_heads=head_counts)
def test_logits_loss_and_every_gradient(dtype, name, rng, n_layers, n_heads):
    kind, n_segments, peer_config, form = PEERS[name]
    model = make_model(rng, kind, n_layers, n_heads, n_segments)
    peer = set_norm_eps(getattr(transformers, name)(peer_config(model.config)))
    ids, mask, segment_ids = draw_batch(rng)
    targets = draw_targets(rng, kind, mask)
    segments = segment_ids if n_segments == 2 else None
    kept = {} if segments is None else {"token_type_ids": torch.tensor(segments)}
    seen = None if kind is SequenceClassifier else mask

    def theirs():
        attention_mask = torch.tensor(mask).long()
        answer = peer(torch.tensor(ids), attention_mask=attention_mask, **kept)
        return cross_entropy(answer.logits, targets, seen)

    assert_same_layer(
        model,
        peer,
        lambda arrays: form(arrays, SCALE, n_layers),
        lambda: learn(model, targets, ids, mask, segments, seen=seen),
        theirs,
        [],
        rng,
        dtype,
        lambda arrays: form(arrays, 1 / SCALE, n_layers),
    )
