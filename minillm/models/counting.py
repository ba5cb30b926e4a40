"""How many parameters a config asks for, by arithmetic: no array is made.

The names are the papers': d is d_model, V is vocab_size.
"""

from collections.abc import Mapping

from minillm.models.config import TransformerConfig
from minillm.models.convolutional import ConvolutionalConfig
from minillm.models.decoder_only import DecoderConfig
from minillm.models.encoder_decoder import EncoderDecoderConfig
from minillm.models.encoder_only import EncoderConfig
from minillm.models.heads import ClassifierConfig
from minillm.models.recurrent import RecurrentConfig

Config = TransformerConfig | RecurrentConfig | ConvolutionalConfig

HEADS = ("masked", "pooler", "sequence", "token")
OUTPUT_LAYERS = {"tied": 0, "untied": 1}
NORM_VECTORS = {"none": 0, "layer_norm": 2, "rms_norm": 1}  # gamma and beta, or gamma
WAYS_UP = {"plain": 1, "gated": 2}
CELL_MAPS = {"rnn": 1, "lstm": 4, "gru": 3}
N_BUCKETS = 32  # of T5's relative bias


def count_parameters(config: Config, head: str | None = None) -> int:
    """All that parameter_table lists, in one number."""
    return sum(parameter_table(config, head).values())


def parameter_table(config: Config, head: str | None = None) -> dict[str, int]:
    """How many numbers each part of the model holds; parts that hold none are left out.

    An encoder is counted without a head unless one is named: "masked" is what
    MaskedLanguageModel adds, "sequence" and "token" what the classifiers add, and
    "pooler" is BERT's layer over [CLS] alone, which its authors count. Raises
    ValueError for a head that is unknown or that the config's model does not have.
    """
    _check_head(config, head)
    match config:
        case DecoderConfig():
            table = _one_stack(config)
        case EncoderConfig():
            table = _encoder(config) | {"head": _head(config, head)}
        case EncoderDecoderConfig():
            table = _encoder_decoder(config)
        case RecurrentConfig():
            table = _recurrent(config)
        case ConvolutionalConfig():
            table = _convolutional(config)
        case _:
            raise ValueError(f"config {config!r} belongs to no model that can be counted")
    return {name: n for name, n in table.items() if n}


# The models: how often each part occurs.


def _one_stack(config: TransformerConfig) -> dict[str, int]:
    layers = config.n_layers
    return {
        **_vocabulary(config),
        "positions": _positions(config),
        "attention": layers * _attention(config),
        "feed-forward": layers * _feed_forward(config),
        "norms": _embed_norm(config) + (2 * layers + _final(config)) * _norm(config),
    }


def _encoder(config: EncoderConfig) -> dict[str, int]:
    return _one_stack(config) | {"segments": config.n_segments * config.d_model}


def _encoder_decoder(config: EncoderDecoderConfig) -> dict[str, int]:
    """Two stacks around one vocabulary; the decoder's blocks have a part more."""
    read, write = config.n_encoder_layers or config.n_layers, config.n_layers
    n_norms = 2 * read + 3 * write + 2 * _final(config)
    return {
        **_vocabulary(config),
        "positions": 2 * _positions(config),
        "attention": (read + write) * _attention(config),
        "cross-attention": write * _attention(config),
        "feed-forward": (read + write) * _feed_forward(config),
        "norms": 2 * _embed_norm(config) + n_norms * _norm(config),
    }


def _recurrent(config: RecurrentConfig) -> dict[str, int]:
    """Each map takes what comes in, d, and what was, d, and has a bias."""
    d = config.d_model
    maps = CELL_MAPS[config.cell] * (d * d + d * d + d)
    inside_of_reset = d if config.cell == "gru" else 0  # a second bias
    return {
        **_vocabulary(config),
        "recurrence": config.n_layers * (maps + inside_of_reset),
    }


def _convolutional(config: ConvolutionalConfig) -> dict[str, int]:
    d, layers = config.d_model, config.n_layers
    return {
        **_vocabulary(config),
        "convolution": layers * (config.width * d * d + d),
        "norms": (layers + 1) * 2 * d,
    }


# The parts: what one of them holds.


def _vocabulary(config: Config) -> dict[str, int]:
    """V vectors of d numbers, and as many to score the output unless they are tied."""
    one = config.vocab_size * config.d_model
    return {
        "token embedding": one,
        "output layer": OUTPUT_LAYERS[config.vocabulary] * one,
    }


def _positions(config: TransformerConfig) -> int:
    """Only learned kinds hold numbers: a vector a position, or a bias a bucket and head."""
    learned: Mapping[str, int] = {
        "learned": config.max_seq_len * config.d_model,
        "relative": N_BUCKETS * config.n_heads,
    }
    return learned.get(config.positions, 0)


def _attention(config: TransformerConfig) -> int:
    """q, k, v and o; all heads of one stand side by side."""
    d = config.d_model
    queries = config.n_heads * config.head_width
    keys = (config.n_kv_heads or config.n_heads) * config.head_width
    weights = d * queries + d * keys + d * keys + queries * d
    biases = queries + keys + keys + d
    return weights + config.bias * biases


def _feed_forward(config: TransformerConfig) -> int:
    """Up, once or (gated) twice, and down."""
    d, d_ff, ways = config.d_model, config.ffn_width, WAYS_UP[config.feed_forward]
    weights = ways * d * d_ff + d_ff * d
    biases = ways * d_ff + d
    return weights + config.bias * biases


def _norm(config: TransformerConfig) -> int:
    return NORM_VECTORS[config.norm] * config.d_model


def _embed_norm(config: TransformerConfig) -> int:
    return NORM_VECTORS[config.embed_norm] * config.d_model


def _final(config: TransformerConfig) -> int:
    """How many norms come after the last block: post-norm blocks need none."""
    return 1 if config.block == "pre_norm" else 0


def _head(config: EncoderConfig, head: str | None) -> int:
    d, V = config.d_model, config.vocab_size
    square = d * d + d
    sizes = {
        None: 0,
        "masked": square + 2 * d + V,  # map, layer norm, one number a word
        "pooler": square,
    }
    if isinstance(config, ClassifierConfig):
        classifier = (d + 1) * len(config.labels)
        sizes |= {"sequence": square + classifier, "token": classifier}
    return sizes[head]


def _check_head(config: Config, head: str | None) -> None:
    if head is None:
        return
    if head not in HEADS:
        raise ValueError(f"head {head!r} is unknown: give one of {', '.join(HEADS)}")
    if not isinstance(config, EncoderConfig):
        raise ValueError(f"head {head!r}: {type(config).__name__} has none")
    if head in ("sequence", "token") and not isinstance(config, ClassifierConfig):
        raise ValueError(f"head {head!r} has labels: give a ClassifierConfig")
