"""Every model once more, through its loss, for autograd to differentiate.

A batch is what the model's objective takes; nothing is dropped. `p` is as in torch_blocks.
"""

import math

from tests.parity.libraries import library
from tests.parity.torch_blocks import ACTIVATIONS, TF, linear, norm, stack

__tracebackhide__ = True
torch = library("torch")

IGNORED = -100


def embed(p, config, ids, ours="", segment_ids=None):
    """What a token is, and where it stands; `ours` begins the names of the latter."""
    h = TF.embedding(ids, p["vocabulary.token_embed.weight"])
    if "vocabulary.lm_head.weight" not in p:
        h = h * math.sqrt(config.d_model)
    for table in ("weight", "table"):
        if f"{ours}positions.{table}" in p:
            h = h + p[f"{ours}positions.{table}"][: ids.shape[1]]
    if segment_ids is not None:
        h = h + p["segments.weight"][segment_ids]
    return norm(p.at(f"{ours}embed_norm"), h)


def unembed(p, h):
    if "vocabulary.lm_head.weight" in p:
        return h @ p["vocabulary.lm_head.weight"]
    return h @ p["vocabulary.token_embed.weight"].T


def causal(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def cross_entropy(logits, targets, label_smoothing=0.0):
    return TF.cross_entropy(
        logits.flatten(0, -2),
        targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def decoder(p, config, ids, mask):
    h = stack(p, "blocks", config, True, embed(p, config, ids), mask)
    return unembed(p, norm(p.at("final_norm"), h))


def decoder_only(p, config, inputs, targets, **smoothing):
    logits = decoder(p, config, inputs, causal(inputs.shape[1]))
    return cross_entropy(logits, targets, **smoothing)


def prefix_lm(p, config, inputs, targets, prefix_lengths, **smoothing):
    position = torch.arange(inputs.shape[1])
    in_prefix = position < prefix_lengths[:, None]
    mask = causal(inputs.shape[1]) | in_prefix[:, None, None]
    inside = position < prefix_lengths[:, None] - 1
    logits = decoder(p, config, inputs, mask)
    return cross_entropy(logits, targets.masked_fill(inside, IGNORED), **smoothing)


def encoder_only(p, config, ids, mask, segment_ids=None):
    """Not a loss: h, which is 0 at padding."""
    if config.n_segments and segment_ids is None:
        segment_ids = torch.zeros_like(ids)
    h = embed(p, config, ids, segment_ids=segment_ids)
    h = stack(p, "blocks", config, False, h, mask[:, None, None])
    return norm(p.at("final_norm"), h) * mask[..., None]


def masked_language_model(p, config, inputs, targets, mask):
    h = encoder_only(p.at("encoder"), config, inputs, mask)
    t = norm(p.at("norm"), ACTIVATIONS[config.activation](linear(p.at("transform"), h)))
    logits = unembed(p.at("encoder"), t) + p["bias"]
    return cross_entropy(logits, targets.masked_fill(~mask, IGNORED))


def sequence_classifier(p, config, inputs, labels, mask):
    h = encoder_only(p.at("encoder"), config, inputs, mask)
    logits = linear(p.at("classifier"), linear(p.at("pooler"), h[:, 0]).tanh())
    return cross_entropy(logits, labels.masked_fill(~mask.any(1), IGNORED))


def token_classifier(p, config, inputs, targets, mask):
    h = encoder_only(p.at("encoder"), config, inputs, mask)
    logits = linear(p.at("classifier"), h)
    return cross_entropy(logits, targets.masked_fill(~mask, IGNORED))


def encoder_decoder(
    p, config, source, inputs, targets, source_mask, target_mask, **smoothing
):
    memory = embed(p, config, source, "encoder_")
    source_keys = source_mask[:, None, None]
    memory = stack(p, "encoder", config, False, memory, source_keys)
    memory = norm(p.at("encoder_norm"), memory) * source_mask[..., None]
    h = embed(p, config, inputs, "decoder_")
    mask = causal(inputs.shape[1]) & target_mask[:, None, None]
    h = stack(p, "decoder", config, True, h, mask, memory, source_keys)
    logits = unembed(p, norm(p.at("decoder_norm"), h))
    asked = target_mask & source_mask.any(1, keepdim=True)
    return cross_entropy(logits, targets.masked_fill(~asked, IGNORED), **smoothing)


def cell(p, kind, x, state):
    """One step; PyTorch adds a second bias, which only the GRU's n has."""
    W_x, W_h, b = p["x_weight"].T, p["h_weight"].T, p["bias"]
    second = torch.zeros_like(b)
    if kind == "lstm":
        return torch.lstm_cell(x, state, W_x, W_h, b, second)
    if kind == "gru":
        second = torch.cat((second[: -len(p["n_bias"])], p["n_bias"]))
        return (torch.gru_cell(x, state[0], W_x, W_h, b, second),)
    return (torch.rnn_tanh_cell(x, state[0], W_x, W_h, b, second),)


def recurrent_lm(p, config, inputs, targets):
    h = embed(p, config, inputs)
    for i in range(config.n_layers):
        zero = torch.zeros(len(inputs), config.d_model, dtype=h.dtype)
        state, seen = (zero, zero), []
        for t in range(inputs.shape[1]):
            state = cell(p.at(f"cells.{i}"), config.cell, h[:, t], state)
            seen.append(state[0])
        h = torch.stack(seen, 1)
    return cross_entropy(unembed(p, h), targets)


def convolutional_lm(p, config, inputs, targets):
    h = embed(p, config, inputs)
    for i in range(config.n_layers):
        block, dilation = p.at(f"blocks.{i}"), config.dilation**i
        W, b = block["conv.weight"].permute(2, 1, 0), block["conv.bias"]
        a = norm(block.at("norm"), h).mT
        a = TF.pad(a, ((config.width - 1) * dilation, 0))
        h = h + TF.conv1d(a, W, b, dilation=dilation).mT.relu()
    return cross_entropy(unembed(p, norm(p.at("final_norm"), h)), targets)


PEERS = {
    "DecoderOnly": decoder_only,
    "PrefixLM": prefix_lm,
    "EncoderOnly": encoder_only,
    "MaskedLanguageModel": masked_language_model,
    "SequenceClassifier": sequence_classifier,
    "TokenClassifier": token_classifier,
    "EncoderDecoder": encoder_decoder,
    "RecurrentLM": recurrent_lm,
    "ConvolutionalLM": convolutional_lm,
}
