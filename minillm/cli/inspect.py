"""python -m minillm inspect: look inside a trained model."""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from minillm.cli.arguments import (
    add_device,
    add_model,
    add_out,
    add_seed,
    some_characters,
    whole,
)
from minillm.cli.draw import attention_map, bars
from minillm.cli.kinds import load_model
from minillm.cli.looks import LOOKS, Look
from minillm.cli.output import Output
from minillm.cli.picture import check_picture, save_attention_map
from minillm.cli.wording import check_room, token_text
from minillm.layers import Module
from minillm.types import Array

SHOWN = 10  # of the likeliest next tokens
LAYER = re.compile(r"^((?:encoder\.(?=[a-z]))?\w+(?:\.\d+)?).*")  # of a parameter's name
NO_ATTENTION = (
    "this model has no attention to show: it reads in order, and its state carries what "
    "it has read"
)


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "inspect",
        help="show a model's parameters, and what it attends to",
        description="Show a model's parameters by layer; with a prompt, also the attention "
        "map of a head, and the likeliest next tokens if the model writes on. Of an "
        "encoder-decoder the map is the encoder's.",
    )
    add_model(parser)
    parser.add_argument(
        "--prompt",
        type=some_characters,
        metavar="TEXT",
        help="a text to look at through the model's eyes",
    )
    parser.add_argument("--layer", type=whole(0), metavar="N", help="from 0 on (default 0)")
    parser.add_argument(
        "--head", type=whole(0), metavar="N", help="from 0 on (default: all, averaged)"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="also draw the attention map: a .png, .svg or .pdf (needs matplotlib)",
    )
    add_device(parser)
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
    model, tokenizer = load_model(args)
    look = LOOKS[type(model)](model, tokenizer)
    ids = None if args.prompt is None else look.read(args.prompt)
    if ids is not None:
        check_room("--prompt", len(ids), model.config.max_seq_len)
    maps = look.attention_maps(np.array([0]) if ids is None else ids)
    _check_choice(maps, args)
    output.say(parameter_table(model))
    if ids is not None:
        _show_attention(look, maps, ids, args, output)
        _show_next(look, ids, output)
    output.close()


def _check_choice(maps: list[Array], args: argparse.Namespace) -> None:
    """Only a layer and a head that the model has can be looked at."""
    for name, n in (("layer", len(maps)), ("head", len(maps[0]) if maps else 0)):
        chosen = getattr(args, name)
        if chosen is not None and not maps:
            raise ValueError(f"--{name} {chosen}: {NO_ATTENTION}")
        if chosen is not None and chosen >= n:
            raise ValueError(f"--{name} {chosen}: give 0 to {n - 1}")
    if args.picture is not None and not maps:
        raise ValueError(f"--picture {args.picture}: {NO_ATTENTION}")


def _show_attention(
    look: Look, maps: list[Array], ids: Array, args: argparse.Namespace, output: Output
) -> None:
    """The map of the layer and head that were chosen, in the terminal and as a picture."""
    if not maps:
        output.say(f"\n{NO_ATTENTION}")
        return
    heads = maps[args.layer or 0]
    weights = heads.mean(0) if args.head is None else heads[args.head]
    labels = [token_text(look.tokenizer, int(i)) for i in ids]
    which = "all heads, averaged" if args.head is None else f"head {args.head}"
    title = f"{look.attention} in layer {args.layer or 0}, {which}"
    output.say(f"\n{title}: rows look at columns")
    output.say(attention_map(weights, labels))
    if args.picture is not None:
        save_attention_map(weights, labels, title, args.picture)


def _show_next(look: Look, ids: Array, output: Output) -> None:
    """The likeliest next tokens, where the model writes on."""
    p = look.next_tokens(ids)
    if p is None:
        return
    output.say("\nthe likeliest next tokens, and their probability")
    best = np.argsort(-p, kind="stable")[:SHOWN]
    output.say(bars([token_text(look.tokenizer, int(i)) for i in best], p[best]))


def parameter_table(model: Module) -> str:
    """Each parameter's shape and size, those of equal blocks once; then every layer's."""
    kinds: Counter[tuple[str, tuple[int, ...]]] = Counter()
    layers: Counter[str] = Counter()
    for name, p in model.named_parameters():
        kinds[re.sub(r"\.\d+\.", ".*.", name), p.data.shape] += 1
        layers[LAYER.sub(r"\1", name)] += p.data.size
    lines = [f"{'parameter':<36}{'shape':>16}{'numbers':>12}"]
    for (name, shape), n in kinds.items():
        times = f"  x {n}" if n > 1 else ""
        lines.append(f"{name:<36}{shape!s:>16}{np.prod(shape):>12,}{times}")
    lines += ["", f"{'layer':<36}{'numbers':>28}"]
    lines += [f"{part:<52}{size:>12,}" for part, size in layers.items()]
    lines.append(f"{'all parameters':<52}{model.n_parameters():>12,}")
    return "\n".join(lines)
