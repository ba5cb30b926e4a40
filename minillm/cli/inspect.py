"""python -m minillm inspect: look inside a trained model."""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.arguments import (
    add_model,
    add_out,
    add_seed,
    check_model,
    some_characters,
    whole,
)
from minillm.cli.draw import attention_map, bars
from minillm.cli.output import Output
from minillm.cli.picture import check_picture, save_attention_map
from minillm.cli.tokenize import token_text
from minillm.models import DecoderOnly
from minillm.pretrained import load
from minillm.tokenizers import BPETokenizer
from minillm.types import Array

SHOWN = 10  # of the likeliest next tokens


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "inspect",
        help="show a model's parameters, and what it attends to",
        description="Show a model's parameters by layer; with a prompt, also the attention "
        "map of a head and the likeliest next tokens.",
    )
    add_model(parser)
    parser.add_argument(
        "--prompt",
        type=some_characters,
        metavar="TEXT",
        help="a text to look at through the model's eyes",
    )
    parser.add_argument(
        "--layer", type=whole(0), default=0, metavar="N", help="from 0 on (default 0)"
    )
    parser.add_argument(
        "--head", type=whole(0), metavar="N", help="from 0 on (default: all, averaged)"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="also draw the attention map: a .png, .svg or .pdf (needs matplotlib)",
    )
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the table, and with a prompt the map and the next tokens."""
    output = Output(args.out)
    if args.picture is not None:
        if args.prompt is None:
            raise ValueError("--picture draws what a prompt attends to: give --prompt too")
        check_picture(args.picture)
    model, tokenizer = load(check_model(args.model))
    ids = _checked(model, tokenizer.encode(args.prompt or ""), args)
    output.say(parameter_table(model))
    if args.prompt is not None:
        _look(model, tokenizer, ids, args, output)
    output.close()


def _look(
    model: DecoderOnly,
    tokenizer: BPETokenizer,
    ids: Array,
    args: argparse.Namespace,
    output: Output,
) -> None:
    """What the model attends to in the prompt, and what it expects next."""
    weights = _weights(model, ids, args)
    labels = [token_text(tokenizer, int(i)) for i in ids]
    which = "all heads, averaged" if args.head is None else f"head {args.head}"
    title = f"attention in layer {args.layer}, {which}"
    output.say(f"\n{title}: rows look at columns")
    output.say(attention_map(weights, labels))
    if args.picture is not None:
        save_attention_map(weights, labels, title, args.picture)
    output.say("\nthe likeliest next tokens, and their probability")
    p, _ = F.softmax(model(ids[None])[0][0, -1])
    best = np.argsort(-p, kind="stable")[:SHOWN]
    output.say(bars([token_text(tokenizer, int(i)) for i in best], p[best]))


def parameter_table(model: DecoderOnly) -> str:
    """Each parameter's shape and size, those of equal blocks once; then every layer's."""
    kinds: Counter[tuple[str, tuple[int, ...]]] = Counter()
    layers: Counter[str] = Counter()
    for name, p in model.named_parameters():
        kinds[re.sub(r"^blocks\.\d+", "blocks.*", name), p.data.shape] += 1
        part = ".".join(name.split(".")[: 2 if name.startswith("blocks.") else 1])
        layers[part] += p.data.size
    lines = [f"{'parameter':<36}{'shape':>16}{'numbers':>12}"]
    for (name, shape), n in kinds.items():
        times = f"  x {n}" if n > 1 else ""
        lines.append(f"{name:<36}{shape!s:>16}{np.prod(shape):>12,}{times}")
    lines += ["", f"{'layer':<36}{'numbers':>28}"]
    lines += [f"{part:<52}{size:>12,}" for part, size in layers.items()]
    lines.append(f"{'all parameters':<52}{model.n_parameters():>12,}")
    return "\n".join(lines)


def _checked(model: DecoderOnly, ids: list[int], args: argparse.Namespace) -> Array:
    config = model.config
    if len(ids) > config.max_seq_len:
        raise ValueError(
            f"--prompt has {len(ids)} tokens, the model's context {config.max_seq_len}: "
            "shorten it"
        )
    if args.layer >= config.n_layers:
        raise ValueError(f"--layer {args.layer}: give 0 to {config.n_layers - 1}")
    if args.head is not None and args.head >= config.n_heads:
        raise ValueError(f"--head {args.head}: give 0 to {config.n_heads - 1}")
    return np.array(ids)


def _weights(model: DecoderOnly, ids: Array, args: argparse.Namespace) -> Array:
    heads = model.attention_maps(ids[None])[args.layer][0]
    return heads.mean(0) if args.head is None else heads[args.head]
