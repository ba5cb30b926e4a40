"""torch.nn.Transformer, T5 and BART, as small as our EncoderDecoder.

What differs is a change of variables. Ours multiplies the one embedding E by
sqrt(d_model) on the way in (Vaswani et al. 2017, sec. 3.4); theirs is
E' = sqrt(d_model) E, which T5 multiplies by 1 / sqrt(d_model) on the way out, while
T5 1.1 and BART do not, so that the decoder's last norm is divided by it instead.

T5 has no 1 / sqrt(d_head): its W_q is ours divided by that root. By the chain rule a
gradient takes the inverse factor.
"""

import math

import numpy as np

from minillm import functional as F
from minillm.models import EncoderDecoder, EncoderDecoderConfig
from tests.parity.libraries import library
from tests.torch_form import stack_form

__tracebackhide__ = True
torch = library("torch")
transformers = library("transformers")

D_MODEL, D_FF, VOCAB_SIZE, MAX_SEQ_LEN = 12, 20, 17, 9
SCALE = math.sqrt(D_MODEL)
BATCH, N_SOURCE, N_TARGET = 4, 8, 6
PAD = 1  # BART's; it stands at no real position, since BART gives it no gradient


def make_model(rng, layers, n_heads, **parts):
    n_layers, n_encoder_layers = layers
    config = EncoderDecoderConfig(
        VOCAB_SIZE,
        MAX_SEQ_LEN,
        D_MODEL,
        n_layers,
        n_heads,
        d_ff=D_FF,
        n_encoder_layers=n_encoder_layers,
        **parts,
    )
    return EncoderDecoder(config, rng=rng)


def draw_batch(rng):
    """source, inputs, targets (IGNORED at padding and in places) and the masks."""
    source, inputs, targets = (
        rng.integers(2, VOCAB_SIZE, (BATCH, n)) for n in (N_SOURCE, N_TARGET, N_TARGET)
    )
    source_mask = np.arange(N_SOURCE) < rng.integers(1, N_SOURCE + 1, (BATCH, 1))
    target_mask = np.arange(N_TARGET) < rng.integers(1, N_TARGET + 1, (BATCH, 1))
    targets[~target_mask | (rng.random(targets.shape) < 0.2)] = F.IGNORED
    targets[0, 0] = 0
    source[~source_mask], inputs[~target_mask] = PAD, PAD
    return source, inputs, targets, source_mask, target_mask


# Vaswani et al. 2017, as torch.nn has it


class Torch(torch.nn.Module):
    """torch.nn.Transformer between one shared embedding's ends, with our table P.

    PyTorch normalises once more after post-norm blocks, which the paper does not do and
    which is taken away here.
    """

    def __init__(self, config, P):
        super().__init__()
        self.E = torch.nn.Parameter(torch.empty(VOCAB_SIZE, D_MODEL))
        self.register_buffer("P", torch.tensor(P))
        self.transformer = torch.nn.Transformer(
            D_MODEL,
            config.n_heads,
            config.n_encoder_layers,
            config.n_layers,
            D_FF,
            dropout=0.0,
            activation="relu" if config.activation == "relu" else "gelu",
            batch_first=True,
            norm_first=config.block == "pre_norm",
        )
        if config.block == "post_norm":
            self.transformer.encoder.norm = self.transformer.decoder.norm = None

    def forward(self, source, inputs, source_mask, target_mask):
        n = inputs.shape[1]
        h = self.transformer(
            SCALE * self.E[source] + self.P[: source.shape[1]],
            SCALE * self.E[inputs] + self.P[:n],
            tgt_mask=torch.ones(n, n, dtype=torch.bool).triu(1),
            src_key_padding_mask=~source_mask,
            memory_key_padding_mask=~source_mask,
            tgt_key_padding_mask=~target_mask,
        )
        return h @ self.E.T


def torch_form(arrays, config):
    form = {"E": arrays["vocabulary.token_embed.weight"]}
    for side, n_layers in (
        ("encoder", config.n_encoder_layers),
        ("decoder", config.n_layers),
    ):
        cross = side == "decoder"
        form |= stack_form(arrays, side, f"transformer.{side}", n_layers, cross)
        if config.block == "pre_norm":
            form[f"transformer.{side}.norm.weight"] = arrays[f"{side}_norm.gamma"]
            form[f"transformer.{side}.norm.bias"] = arrays[f"{side}_norm.beta"]
    return form


# T5

T5_PARTS = {
    "positions": "relative",
    "block": "pre_norm",
    "norm": "rms_norm",
    "bias": False,
    "d_head": 5,
}
T5_KINDS = {
    "relu": {"feed_forward": "plain", "activation": "relu"},
    "gated-gelu": {"feed_forward": "gated", "activation": "gelu"},
}


def make_t5(config, feed_forward, scale_outputs):
    """Its norms take the mean square in float32 whatever is given, and are replaced."""
    peer = transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=VOCAB_SIZE,
            d_model=D_MODEL,
            d_kv=config.d_head,
            d_ff=D_FF,
            num_layers=config.n_encoder_layers,
            num_decoder_layers=config.n_layers,
            num_heads=config.n_heads,
            feed_forward_proj=feed_forward,
            dropout_rate=0.0,
            pad_token_id=PAD,
        )
    )
    peer.config.scale_decoder_outputs = scale_outputs
    for stack in peer.encoder, peer.decoder:
        stack.final_layer_norm = rms_norm()
        for block in stack.block:
            for layer in block.layer:
                layer.layer_norm = rms_norm()
    return peer


def rms_norm():
    return torch.nn.RMSNorm(D_MODEL, eps=1e-6)


def t5_form(arrays, config, scale_outputs, inverse):
    """Matrices (d_out, d_in); the stacks' first layers keep the bias that all share."""
    factor = (lambda x: 1 / x) if inverse else (lambda x: x)
    last = factor(1.0 if scale_outputs else 1 / SCALE)
    E = arrays["vocabulary.token_embed.weight"]
    form = {
        "shared.weight": factor(SCALE) * E,
        "encoder.final_layer_norm.weight": arrays["encoder_norm.gamma"],
        "decoder.final_layer_norm.weight": last * arrays["decoder_norm.gamma"],
    }
    q_scale = factor(1 / math.sqrt(config.d_head))
    gated = config.feed_forward == "gated"
    ffn = {"gate_proj": "wi_0", "up_proj": "wi_1"} if gated else {"up_proj": "wi"}
    ffn["down_proj"] = "wo"
    for side, n_layers in (
        ("encoder", config.n_encoder_layers),
        ("decoder", config.n_layers),
    ):
        first = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        form[first] = arrays[f"{side}.0.attn.order.weight"]
        places = [("attn", "attn_norm", "SelfAttention")]
        if side == "decoder":
            places += [("cross_attn", "cross_norm", "EncDecAttention")]
        for i in range(n_layers):
            ours, theirs = f"{side}.{i}", f"{side}.block.{i}.layer"
            for j, (attn, norm, name) in enumerate(places):
                for letter in "qkvo":
                    W = arrays[f"{ours}.{attn}.{letter}_proj.weight"].T
                    W = q_scale * W if letter == "q" else W
                    form[f"{theirs}.{j}.{name}.{letter}.weight"] = W
                form[f"{theirs}.{j}.layer_norm.weight"] = arrays[f"{ours}.{norm}.gamma"]
            j = len(places)
            form[f"{theirs}.{j}.layer_norm.weight"] = arrays[f"{ours}.ffn_norm.gamma"]
            for name, their_name in ffn.items():
                W = arrays[f"{ours}.ffn.{name}.weight"].T
                form[f"{theirs}.{j}.DenseReluDense.{their_name}.weight"] = W
    return form


def call_hf(peer):
    """transformers takes masks of 0 and 1."""

    def call(source, inputs, source_mask, target_mask):
        return peer(
            input_ids=source,
            attention_mask=source_mask.long(),
            decoder_input_ids=inputs,
            decoder_attention_mask=target_mask.long(),
        ).logits

    return call


# BART

BART_PARTS = {
    "positions": "learned",
    "embed_norm": "layer_norm",
    "activation": "gelu_exact",
}


def make_bart(config):
    return transformers.BartForConditionalGeneration(
        transformers.BartConfig(
            vocab_size=VOCAB_SIZE,
            max_position_embeddings=MAX_SEQ_LEN,
            d_model=D_MODEL,
            encoder_layers=config.n_encoder_layers,
            decoder_layers=config.n_layers,
            encoder_attention_heads=config.n_heads,
            decoder_attention_heads=config.n_heads,
            encoder_ffn_dim=D_FF,
            decoder_ffn_dim=D_FF,
            dropout=0.0,
            pad_token_id=PAD,
        )
    )


def bart_form(arrays, config, inverse):
    """Positions begin at row 2; the decoder's very last norm takes the scale."""
    scale = 1 / SCALE if inverse else SCALE
    form = {"model.shared.weight": scale * arrays["vocabulary.token_embed.weight"]}
    places = {
        "encoder": [("attn", "self_attn")],
        "decoder": [("attn", "self_attn"), ("cross_attn", "encoder_attn")],
    }
    for side, n_layers in (
        ("encoder", config.n_encoder_layers),
        ("decoder", config.n_layers),
    ):
        P = arrays[f"{side}_positions.weight"]
        form[f"model.{side}.embed_positions.weight"] = np.pad(P, [(2, 0), (0, 0)])
        norm = f"model.{side}.layernorm_embedding"
        form |= affine(arrays, f"{side}_embed_norm", norm)
        for i in range(n_layers):
            ours, theirs = f"{side}.{i}", f"model.{side}.layers.{i}"
            for attn, name in places[side]:
                for proj, their_proj in zip("qkvo", ["q", "k", "v", "out"], strict=True):
                    ends = (
                        f"{ours}.{attn}.{proj}_proj",
                        f"{theirs}.{name}.{their_proj}_proj",
                    )
                    form |= affine(arrays, *ends)
                norm = f"{attn.removesuffix('_attn')}_norm"
                form |= affine(arrays, f"{ours}.{norm}", f"{theirs}.{name}_layer_norm")
            form |= affine(arrays, f"{ours}.ffn.up_proj", f"{theirs}.fc1")
            form |= affine(arrays, f"{ours}.ffn.down_proj", f"{theirs}.fc2")
            last = scale if side == "decoder" and i == n_layers - 1 else 1.0
            form |= affine(
                arrays, f"{ours}.ffn_norm", f"{theirs}.final_layer_norm", 1 / last
            )
    return form


def affine(arrays, ours, theirs, scale=1.0):
    """A linear map's weight and bias, or a norm's gamma and beta."""
    if f"{ours}.gamma" in arrays:
        W, b = arrays[f"{ours}.gamma"], arrays[f"{ours}.beta"]
    else:
        W, b = arrays[f"{ours}.weight"].T, arrays[f"{ours}.bias"]
    return {f"{theirs}.weight": scale * W, f"{theirs}.bias": scale * b}
