"""python -m minillm inspect: look inside a trained model."""

import argparse
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.arguments import add_model, add_out, add_seed, whole
from minillm.cli.draw import attention_map, bars
from minillm.cli.output import Output
from minillm.models import DecoderOnly
from minillm.pretrained import load
from minillm.tokenizers import BPETokenizer
from minillm.types import Array

SHOWN = 10  # of the likeliest next tokens


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="show a model's parameters, and what it attends to",
        description="Show a model's parameters by layer; with a prompt, also the attention "
        "map of a head and the likeliest next tokens.",
    )
    add_model(parser)
    parser.add_argument("--prompt", help="a text to look at through the model's eyes")
    parser.add_argument(
        "--layer", type=whole(0), default=0, help="counted from 0 (default 0)"
    )
    parser.add_argument(
        "--head", type=whole(0), help="counted from 0 (default: all, averaged)"
    )
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    output = Output(args.out)
    model, tokenizer = load(args.model)
    output.say(parameter_table(model))
    if args.prompt is not None:
        ids = _checked(model, tokenizer.encode(args.prompt), args)
        labels = [_text(tokenizer, int(i)) for i in ids]
        which = "all heads, averaged" if args.head is None else f"head {args.head}"
        output.say(f"\nattention in layer {args.layer}, {which}: rows look at columns")
        output.say(attention_map(_weights(model, ids, args), labels))
        output.say("\nthe likeliest next tokens")
        output.say(_next_tokens(model, tokenizer, ids))
    output.close()


def parameter_table(model: DecoderOnly) -> str:
    """Every parameter's shape and size, a subtotal for each block, and the total."""
    lines, subtotals = [], dict[str, int]()
    for name, p in model.named_parameters():
        lines.append(f"{name:<40} {p.data.shape!s:>16} {p.data.size:>12,}")
        part = ".".join(name.split(".")[: 2 if name.startswith("blocks.") else 1])
        subtotals[part] = subtotals.get(part, 0) + p.data.size
    lines.append("")
    lines += [f"{part:<57} {size:>12,}" for part, size in subtotals.items()]
    lines.append(f"{'all parameters':<57} {model.n_parameters():>12,}")
    return "\n".join(lines)


def _checked(model: DecoderOnly, ids: list[int], args: argparse.Namespace) -> Array:
    config = model.config
    if not 1 <= len(ids) <= config.max_seq_len:
        raise ValueError(f"--prompt has {len(ids)} tokens: give 1 to {config.max_seq_len}")
    if args.layer >= config.n_layers:
        raise ValueError(f"--layer {args.layer}: give 0 to {config.n_layers - 1}")
    if args.head is not None and args.head >= config.n_heads:
        raise ValueError(f"--head {args.head}: give 0 to {config.n_heads - 1}")
    return np.array(ids)


def _weights(model: DecoderOnly, ids: Array, args: argparse.Namespace) -> Array:
    heads = model.attention_maps(ids[None])[args.layer][0]
    return heads.mean(0) if args.head is None else heads[args.head]


def _next_tokens(
    model: DecoderOnly, tokenizer: BPETokenizer, ids: Array, n: int = 10
) -> str:
    p, _ = F.softmax(model(ids[None])[0][0, -1])
    best = np.argsort(-p, kind="stable")[:SHOWN]
    return bars([_text(tokenizer, int(i)) for i in best], p[best])


def _text(tokenizer: BPETokenizer, token_id: int) -> str:
    return tokenizer.token_bytes(token_id).decode("utf-8", "backslashreplace")
