"""An encoder, an encoder-decoder and an LSTM of PyTorch's own modules, with our weights."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minillm.models import (
    EncoderConfig,
    EncoderDecoderConfig,
    RecurrentConfig,
)
from minillm.types import Array
from tests.torch_form import stack_form

Arrays = dict[str, Array]


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


class TorchModel(nn.Module):
    """What the three share: an embedding that also scores, and how weights come in."""

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        self.token_embed = nn.Embedding(vocab_size, d_model)

    def embed(self, ids: Tensor, positions: nn.Embedding) -> Tensor:
        scale = math.sqrt(self.token_embed.embedding_dim)
        return scale * self.token_embed(ids) + positions.weight[: ids.shape[1]]

    def load(self, form: Arrays) -> None:
        self.load_state_dict({n: torch.tensor(x) for n, x in form.items()})


class TorchEncoder(TorchModel):
    """MaskedLanguageModel, pre-norm, around nn.TransformerEncoder."""

    def __init__(self, config: EncoderConfig, arrays: Arrays) -> None:
        d_model = config.d_model
        super().__init__(config.vocab_size, d_model)
        self.positions = nn.Embedding(config.max_seq_len, d_model)
        layer = nn.TransformerEncoderLayer(
            d_model, config.n_heads, config.ffn_width, 0.0, gelu, 1e-5, True, True
        )
        final_norm = nn.LayerNorm(d_model)
        self.encoder = nn.TransformerEncoder(layer, config.n_layers, final_norm, False)
        self.transform = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        form = stack_form(arrays, "encoder.blocks", "encoder", config.n_layers)
        for ours, theirs in ("encoder.final_norm", "encoder.norm"), ("norm", "norm"):
            form[f"{theirs}.weight"] = arrays[f"{ours}.gamma"]
            form[f"{theirs}.bias"] = arrays[f"{ours}.beta"]
        form |= {
            "token_embed.weight": arrays["encoder.vocabulary.token_embed.weight"],
            "positions.weight": arrays["encoder.positions.weight"],
            "transform.weight": arrays["transform.weight"].T,
            "transform.bias": arrays["transform.bias"],
            "bias": arrays["bias"],
        }
        self.load(form)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        h = self.embed(ids, self.positions)
        h = self.encoder(h, src_key_padding_mask=~mask)
        t = self.norm(gelu(self.transform(h)))
        return F.linear(t, self.token_embed.weight, self.bias)


class TorchEncoderDecoder(TorchModel):
    """EncoderDecoder, pre-norm, around nn.Transformer."""

    def __init__(self, config: EncoderDecoderConfig, arrays: Arrays) -> None:
        d_model, n_layers = config.d_model, config.n_layers
        super().__init__(config.vocab_size, d_model)
        self.source_positions = nn.Embedding(config.max_seq_len, d_model)
        self.target_positions = nn.Embedding(config.max_seq_len, d_model)
        self.transformer = nn.Transformer(
            d_model,
            config.n_heads,
            n_layers,
            n_layers,
            config.ffn_width,
            dropout=0.0,
            batch_first=True,
            norm_first=True,
        )
        self.transformer.encoder.enable_nested_tensor = False
        form = stack_form(arrays, "encoder", "transformer.encoder", n_layers)
        form |= stack_form(arrays, "decoder", "transformer.decoder", n_layers, cross=True)
        for side in "encoder", "decoder":
            form[f"transformer.{side}.norm.weight"] = arrays[f"{side}_norm.gamma"]
            form[f"transformer.{side}.norm.bias"] = arrays[f"{side}_norm.beta"]
        form |= {
            "token_embed.weight": arrays["vocabulary.token_embed.weight"],
            "source_positions.weight": arrays["encoder_positions.weight"],
            "target_positions.weight": arrays["decoder_positions.weight"],
        }
        self.load(form)

    def forward(
        self, source: Tensor, target: Tensor, source_mask: Tensor, target_mask: Tensor
    ) -> Tensor:
        n = target.shape[1]
        h = self.transformer(
            self.embed(source, self.source_positions),
            self.embed(target, self.target_positions),
            tgt_mask=torch.ones(n, n, dtype=torch.bool).triu(1),
            src_key_padding_mask=~source_mask,
            tgt_key_padding_mask=~target_mask,
            memory_key_padding_mask=~source_mask,
            tgt_is_causal=True,
        )
        return F.linear(h, self.token_embed.weight)


class TorchLSTM(TorchModel):
    """RecurrentLM around nn.LSTM, whose second bias stays 0: one is enough."""

    def __init__(self, config: RecurrentConfig, arrays: Arrays) -> None:
        d_model = config.d_model
        super().__init__(config.vocab_size, d_model)
        self.lstm = nn.LSTM(d_model, d_model, config.n_layers, batch_first=True)
        form = {"token_embed.weight": arrays["vocabulary.token_embed.weight"]}
        for i in range(config.n_layers):
            ours = {n: arrays[f"cells.{i}.{n}"] for n in ("x_weight", "h_weight", "bias")}
            form[f"lstm.weight_ih_l{i}"] = ours["x_weight"].T
            form[f"lstm.weight_hh_l{i}"] = ours["h_weight"].T
            form[f"lstm.bias_ih_l{i}"] = ours["bias"]
            form[f"lstm.bias_hh_l{i}"] = 0 * ours["bias"]
        self.load(form)
        for i in range(config.n_layers):
            getattr(self.lstm, f"bias_hh_l{i}").requires_grad_(False)

    def forward(self, ids: Tensor) -> Tensor:
        scale = math.sqrt(self.token_embed.embedding_dim)
        h, _ = self.lstm(scale * self.token_embed(ids))
        return F.linear(h, self.token_embed.weight)
