"""What an encoder is asked: which word was hidden, what a text is, what each word is."""

from dataclasses import dataclass

import numpy as np

from minillm import functional as F
from minillm.layers import Dropout, LayerNorm, Linear, Module, Parameter
from minillm.models.encoder_only import EncoderConfig, EncoderOnly
from minillm.models.parts import part
from minillm.types import Array, Backward, BackwardNone


class EncoderHead(Module):
    """What every head shares: it stands on an encoder, and looks where that looks."""

    encoder: EncoderOnly

    def attention_maps(
        self, ids: Array, mask: Array | None = None, segment_ids: Array | None = None
    ) -> list[Array]:
        """The encoder's: one (batch, n_heads, seq_len, seq_len) for each layer."""
        return self.encoder.attention_maps(ids, mask, segment_ids)


class MaskedLanguageModel(EncoderHead):
    """Score every word of the vocabulary at every position (Devlin et al. 2019, sec. 3.1).

        t      = layer_norm(activation(h W + b))
        logits = t E^T + c

    where E is the embedding and c is one number for each word. The transform from h to t
    is in the authors' code, and not in the paper.
    """

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        self.encoder = EncoderOnly(config, rng=rng)
        self.transform = Linear(config.d_model, config.d_model, rng=rng)
        self.activation = part("activation", config.activation)
        self.norm = LayerNorm(config.d_model)
        self.bias = Parameter(np.zeros(config.vocab_size))

    def __call__(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, vocab_size); see EncoderOnly"""
        h, encoder_backward = self.encoder(ids, mask, segment_ids, rng)
        t, transform_backward = self.transform(h)
        t, activation_backward = self.activation(t)
        t, norm_backward = self.norm(t)
        logits, unembed_backward = self.encoder.vocabulary.unembed(t)
        logits += self.bias.data

        def backward(dlogits: Array) -> None:
            self.bias.accumulate(dlogits.sum((0, 1)))
            dt = norm_backward(unembed_backward(dlogits))
            encoder_backward(transform_backward(activation_backward(dt)))

        return logits, backward


@dataclass(frozen=True)
class ClassifierConfig(EncoderConfig):
    """An encoder's shape, and the names of the classes to choose from."""

    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.labels
        strings = isinstance(names, list | tuple) and all(isinstance(n, str) for n in names)
        if not strings or len(set(names)) != len(names) or len(names) < 2:
            raise ValueError(f"labels {names!r:.80}: give at least two different names")
        for name in names:
            if not name.strip() or any("\ud800" <= c <= "\udfff" for c in name):
                raise ValueError(
                    f"label {name!r:.80} cannot be written: give it characters"
                )
        object.__setattr__(self, "labels", tuple(names))  # JSON has lists alone


class SequenceClassifier(EncoderHead):
    """One answer for the whole input, read off its first token, [CLS].

        pooled = tanh(h[0] W_pool + b_pool)
        logits = dropout(pooled) W + b

    (Devlin et al. 2019, sec. 4.1; the tanh is in the authors' code). Padding belongs
    behind the text: where the first place is padding, there is nothing to read.
    """

    def __init__(self, config: ClassifierConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        self.encoder = EncoderOnly(config, rng=rng)
        self.pooler = Linear(config.d_model, config.d_model, rng=rng)
        self.dropout = Dropout(config.dropout)
        self.classifier = Linear(config.d_model, len(config.labels), rng=rng)

    def __call__(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, n_labels); see EncoderOnly"""
        h, encoder_backward = self.encoder(ids, mask, segment_ids, rng)
        pooled, pool_backward = self.pool(h)
        pooled, dropout_backward = self.dropout(pooled, _head_rng(rng, self.config))
        logits, classifier_backward = self.classifier(pooled)

        def backward(dlogits: Array) -> None:
            dpooled = dropout_backward(classifier_backward(dlogits))
            encoder_backward(pool_backward(dpooled))

        return logits, backward

    def pool(self, h: Array) -> tuple[Array, Backward]:
        """h (batch, seq_len, d_model) -> pooled (batch, d_model)"""
        first, pooler_backward = self.pooler(h[:, 0])
        pooled, tanh_backward = F.tanh(first)

        def backward(dpooled: Array) -> Array:
            dh = np.zeros_like(h)
            dh[:, 0] = pooler_backward(tanh_backward(dpooled))
            return dh

        return pooled, backward


class TokenClassifier(EncoderHead):
    """One answer for each token, read off its own vector (Devlin et al. 2019, sec. 5.3).

        logits = dropout(h) W + b

    where W (d_model, n_labels) is the same at every place.
    """

    def __init__(self, config: ClassifierConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        self.encoder = EncoderOnly(config, rng=rng)
        self.dropout = Dropout(config.dropout)
        self.classifier = Linear(config.d_model, len(config.labels), rng=rng)

    def __call__(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, n_labels); see EncoderOnly"""
        h, encoder_backward = self.encoder(ids, mask, segment_ids, rng)
        h, dropout_backward = self.dropout(h, _head_rng(rng, self.config))
        logits, classifier_backward = self.classifier(h)

        def backward(dlogits: Array) -> None:
            encoder_backward(dropout_backward(classifier_backward(dlogits)))

        return logits, backward


def _head_rng(rng: F.Draws | None, config: EncoderConfig) -> F.Draws | None:
    """The place after the encoder's: its embedding is child 0, its blocks come next."""
    return None if rng is None else rng.child(config.n_layers + 1)
