"""torch.nn.TransformerEncoder, BERT, RoBERTa and DistilBERT, as small as our encoders.

BERT embeds ids with the matrix E' that scores its output; ours multiplies E by
sqrt(d_model) on the way in. The two are the same function where

    E' = sqrt(d_model) E        gamma' = gamma / sqrt(d_model)      (the masked-token
                                                                     head's norm, and
                                                                     beta' alike)

By the chain rule gradients take the inverse factors. BERT's norms have eps 1e-12 where
ours have 1e-5: the peers are built with ours.
"""

import math

import numpy as np

from tests.parity.libraries import library
from tests.torch_form import stack_form

__tracebackhide__ = True
torch = library("torch")
transformers = library("transformers")

VOCAB_SIZE, MAX_SEQ_LEN, D_MODEL, D_FF = 17, 9, 12, 20
SCALE = math.sqrt(D_MODEL)
BATCH, SEQ_LEN, PAD = 4, 7, 1
LABELS = ("yes", "no", "neither")


class Embedded(torch.nn.Module):
    """torch.nn.TransformerEncoder behind an embedding and positions."""

    def __init__(self, encoder):
        super().__init__()
        self.E = torch.nn.Parameter(torch.empty(VOCAB_SIZE, D_MODEL))
        self.P = torch.nn.Parameter(torch.empty(MAX_SEQ_LEN, D_MODEL))
        self.encoder = encoder

    def forward(self, ids, mask):
        """What comes at padding is hidden, as ours is."""
        embedded = SCALE * self.E[ids] + self.P[: ids.shape[1]]
        return self.encoder(embedded, src_key_padding_mask=~mask) * mask[..., None]


def encoder_form(arrays, n_layers):
    form = stack_form(arrays, "blocks", "encoder", n_layers)
    form["E"] = arrays["vocabulary.token_embed.weight"]
    form["P"] = arrays["positions.weight"]
    if "final_norm.gamma" in arrays:
        form["encoder.norm.weight"] = arrays["final_norm.gamma"]
        form["encoder.norm.bias"] = arrays["final_norm.beta"]
    return form


def make_torch_encoder(config):
    pre = config.block == "pre_norm"
    layer = torch.nn.TransformerEncoderLayer(
        config.d_model,
        config.n_heads,
        config.d_ff,
        dropout=0.0,
        activation={"relu": "relu", "gelu_exact": "gelu"}[config.activation],
        batch_first=True,
        norm_first=pre,
    )
    norm = torch.nn.LayerNorm(config.d_model) if pre else None
    encoder = torch.nn.TransformerEncoder(
        layer, config.n_layers, norm, enable_nested_tensor=False
    )
    return Embedded(encoder)


# BERT and its kin

BERT_BLOCK = {
    "attn.q_proj": "attention.self.query",
    "attn.k_proj": "attention.self.key",
    "attn.v_proj": "attention.self.value",
    "attn.o_proj": "attention.output.dense",
    "attn_norm": "attention.output.LayerNorm",
    "ffn.up_proj": "intermediate.dense",
    "ffn.down_proj": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
DISTILBERT_BLOCK = {
    "attn.q_proj": "attention.q_lin",
    "attn.k_proj": "attention.k_lin",
    "attn.v_proj": "attention.v_lin",
    "attn.o_proj": "attention.out_lin",
    "attn_norm": "sa_layer_norm",
    "ffn.up_proj": "ffn.lin1",
    "ffn.down_proj": "ffn.lin2",
    "ffn_norm": "output_layer_norm",
}


def part_form(arrays, ours, theirs, scale=1.0):
    """A linear map, whose matrix PyTorch keeps (d_out, d_in), or a norm."""
    if f"{ours}.gamma" in arrays:
        weight, bias = arrays[f"{ours}.gamma"], arrays[f"{ours}.beta"]
    else:
        weight, bias = arrays[f"{ours}.weight"].T, arrays[f"{ours}.bias"]
    return {f"{theirs}.weight": scale * weight, f"{theirs}.bias": scale * bias}


def body_form(arrays, scale, n_layers, name, layers="encoder.layer", block=BERT_BLOCK):
    """The encoder itself; `scale` is what E takes."""
    ours = "encoder."
    E = arrays[f"{ours}vocabulary.token_embed.weight"]
    form = {
        f"{name}.embeddings.word_embeddings.weight": scale * E,
        f"{name}.embeddings.position_embeddings.weight": arrays[f"{ours}positions.weight"],
    }
    if f"{ours}segments.weight" in arrays:
        S = arrays[f"{ours}segments.weight"]
        form[f"{name}.embeddings.token_type_embeddings.weight"] = S
    form |= part_form(arrays, f"{ours}embed_norm", f"{name}.embeddings.LayerNorm")
    for i in range(n_layers):
        for part, theirs in block.items():
            their_name = f"{name}.{layers}.{i}.{theirs}"
            form |= part_form(arrays, f"{ours}blocks.{i}.{part}", their_name)
    return form


def bert_mlm_form(arrays, scale, n_layers):
    head = "cls.predictions"
    return (
        body_form(arrays, scale, n_layers, "bert")
        | part_form(arrays, "transform", f"{head}.transform.dense")
        | part_form(arrays, "norm", f"{head}.transform.LayerNorm", 1 / scale)
        | {f"{head}.bias": arrays["bias"]}
    )


def roberta_mlm_form(arrays, scale, n_layers):
    """Positions are counted from PAD + 1, and so two rows of the table stand idle."""
    form = body_form(arrays, scale, n_layers, "roberta")
    P = form["roberta.embeddings.position_embeddings.weight"]
    P = np.concatenate([np.zeros_like(P[: PAD + 1]), P])
    return (
        form
        | {"roberta.embeddings.position_embeddings.weight": P}
        | part_form(arrays, "transform", "lm_head.dense")
        | part_form(arrays, "norm", "lm_head.layer_norm", 1 / scale)
        | {"lm_head.bias": arrays["bias"]}
    )


def distilbert_mlm_form(arrays, scale, n_layers):
    return (
        body_form(
            arrays, scale, n_layers, "distilbert", "transformer.layer", DISTILBERT_BLOCK
        )
        | part_form(arrays, "transform", "vocab_transform")
        | part_form(arrays, "norm", "vocab_layer_norm", 1 / scale)
        | {"vocab_projector.bias": arrays["bias"]}
    )


def bert_sequence_form(arrays, scale, n_layers):
    return (
        body_form(arrays, scale, n_layers, "bert")
        | part_form(arrays, "pooler", "bert.pooler.dense")
        | part_form(arrays, "classifier", "classifier")
    )


def bert_token_form(arrays, scale, n_layers):
    return body_form(arrays, scale, n_layers, "bert") | part_form(
        arrays, "classifier", "classifier"
    )


def bert_config(kind, config, **more):
    """BERT's or RoBERTa's: ours in their words."""
    return kind(
        vocab_size=config.vocab_size,
        hidden_size=config.d_model,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=config.d_ff,
        hidden_act="gelu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        type_vocab_size=config.n_segments,
        layer_norm_eps=1e-5,
        pad_token_id=PAD,
        num_labels=len(LABELS),
        **({"max_position_embeddings": config.max_seq_len} | more),
    )


def bert(config):
    return bert_config(transformers.BertConfig, config)


def roberta(config):
    rows = config.max_seq_len + PAD + 1
    return bert_config(transformers.RobertaConfig, config, max_position_embeddings=rows)


def distilbert(config):
    return transformers.DistilBertConfig(
        vocab_size=config.vocab_size,
        max_position_embeddings=config.max_seq_len,
        dim=config.d_model,
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        hidden_dim=config.d_ff,
        activation="gelu",
        dropout=0.0,
        attention_dropout=0.0,
        pad_token_id=PAD,
    )


def set_norm_eps(peer):
    """DistilBERT's eps, 1e-12, is written in its code."""
    for module in peer.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e-5
    return peer
