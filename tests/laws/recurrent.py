"""What came before transformers: recurrences and convolutions, operations to models."""

from minillm import functional as F
from minillm.layers import (
    GRU,
    LSTM,
    CausalConvolution,
    ConvolutionBlock,
    Elman,
    LayerNorm,
)
from minillm.models import (
    ConvolutionalConfig,
    ConvolutionalLM,
    RecurrentConfig,
    RecurrentLM,
)
from tests.laws.case import Case
from tests.laws.modules import module_case, stream

NO_FORWARD = {
    "Recurrent": "the base class",
    "StateCache": "memory for generation; tests/layers/test_recurrent.py",
}


def recurrence(op, n_maps, n_states=1, *, own_bias=False):
    """x, the first state, and the weights of n_maps maps side by side."""

    def case(rng, sizes):
        batch, seq_len, d_in, d, *_ = sizes
        state_shape = (batch, d) if n_states == 1 else (batch, n_states, d)
        shapes = [
            (batch, seq_len, d_in),
            state_shape,
            (d_in, n_maps * d),
            (d, n_maps * d),
            (n_maps * d,),
        ]
        shapes += [(d,)] if own_bias else []
        return Case(op, tuple(rng.normal(size=shape) for shape in shapes))

    return case


def causal_convolution(rng, sizes):
    """Of any width and dilation: wider than the sequence is long, too."""
    batch, seq_len, d_in, d_out, width, dilation = sizes
    return Case(
        F.causal_convolution,
        (
            rng.normal(size=(batch, seq_len, d_in)),
            rng.normal(size=(width, d_in, d_out)),
            rng.normal(size=d_out),
        ),
        {"dilation": 1 + dilation // 3},
    )


def layer(kind):
    def case(rng, sizes):
        batch, seq_len, d_in, d, *_ = sizes
        module = kind(d_in, d, rng=rng)
        x = rng.normal(size=(batch, seq_len, d_in))
        return module_case(module, rng, (x,))

    return case


def layer_with_a_state(kind):
    def case(rng, sizes):
        batch, seq_len, d_in, d, *_ = sizes
        module = kind(d_in, d, rng=rng)
        x = rng.normal(size=(batch, seq_len, d_in))
        return module_case(module, rng, (x, rng.normal(size=module.state_shape(batch))))

    return case


def convolution_layer(rng, sizes):
    x = stream(rng, sizes)
    module = CausalConvolution(x.shape[-1], sizes[3], sizes[4], dilation=2, rng=rng)
    return module_case(module, rng, (x,))


def convolution_block(rng, sizes):
    x = stream(rng, sizes)
    d = x.shape[-1]
    conv = CausalConvolution(d, d, 2, dilation=sizes[3], rng=rng)
    draws = F.Draws(seed=1, step=2, examples=range(len(x)))
    module = ConvolutionBlock(conv, LayerNorm(d), dropout=0.2)
    case = module_case(module, rng, (x,), {"rng": draws})
    case.step = 1e-4  # of relu's kinks
    return case


def language_model(build, config):
    """Through dropout and the loss: every parameter array of the model."""

    def case(rng, sizes):
        batch, seq_len, d_model, vocab_size, *_ = sizes
        vocab_size += 1
        module = build(config(vocab_size, d_model + 2), rng=rng)
        ids, targets = rng.integers(0, vocab_size, (2, batch, seq_len))
        draws = F.Draws(seed=1, step=2, examples=range(batch))

        def loss(ids, targets, rng):
            logits, model_backward = module(ids, rng)
            value, loss_backward = F.cross_entropy(logits, targets)
            return value, lambda dloss: model_backward(loss_backward(dloss))

        constants = {"ids": ids, "targets": targets, "rng": draws}
        return module_case(module, rng, (), constants, loss)

    return case


def recurrent_lm(cell, vocabulary):
    def config(vocab_size, d_model):
        return RecurrentConfig(vocab_size, d_model, 2, cell, vocabulary, dropout=0.1)

    return language_model(RecurrentLM, config)


def convolutional_lm(rng, sizes):
    def config(vocab_size, d_model):
        return ConvolutionalConfig(vocab_size, d_model, 2, width=2, dropout=0.1)

    case = language_model(ConvolutionalLM, config)(rng, sizes)
    case.step = 1e-4  # of relu's kinks
    return case


OPERATIONS = {
    "elman": recurrence(F.elman, 1),
    "lstm": recurrence(F.lstm, 4, n_states=2),
    "gru": recurrence(F.gru, 3, own_bias=True),
    "causal_convolution": causal_convolution,
}

CELLS = {"Elman": Elman, "LSTM": LSTM, "GRU": GRU}
LAYERS = {
    **{name: layer(kind) for name, kind in CELLS.items()},
    **{f"{name}/with a state": layer_with_a_state(kind) for name, kind in CELLS.items()},
    "CausalConvolution": convolution_layer,
    "ConvolutionBlock": convolution_block,
}

MODELS = {
    "RecurrentLM/rnn tied": recurrent_lm("rnn", "tied"),
    "RecurrentLM/lstm untied": recurrent_lm("lstm", "untied"),
    "RecurrentLM/gru tied": recurrent_lm("gru", "tied"),
    "ConvolutionalLM": convolutional_lm,
}
