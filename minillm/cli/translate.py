"""python -m minillm translate: what a model writes for a source."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from minillm.cli.arguments import (
    add_device,
    add_model,
    add_out,
    add_seed,
    at_least_zero,
    some_characters,
    whole,
)
from minillm.cli.kinds import check_special, load_for
from minillm.cli.output import Output
from minillm.cli.picture import check_picture, save_attention_map
from minillm.cli.settings import objective_of
from minillm.cli.wording import check_room, encode, token_text
from minillm.device import to_host
from minillm.generation import beam_search
from minillm.models import EncoderDecoder
from minillm.tokenizers import Tokenizer


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "translate",
        help="write what a trained encoder-decoder makes of a text",
        description="Write the target of a source, as an encoder-decoder has learned it "
        "from pairs: a translation, or a summary. Greedily, unless --beam is given.",
    )
    add_model(parser)
    parser.add_argument(
        "--text",
        type=some_characters,
        required=True,
        metavar="TEXT",
        help="the source",
    )
    _add_beam(parser)
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="also draw what each written token looked at in the source: a .png, .svg or "
        ".pdf (needs matplotlib)",
    )
    add_device(parser)
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def _add_beam(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--beam",
        type=whole(1, 1000),
        default=1,
        metavar="N",
        help="keep the N most probable beginnings, and show what came of them (default 1: "
        "greedy)",
    )
    parser.add_argument(
        "--length-penalty",
        type=at_least_zero,
        default=0.0,
        metavar="A",
        help="above 0 favours longer texts among those of the beam (default 0)",
    )
    parser.add_argument(
        "--coverage-penalty",
        type=at_least_zero,
        default=0.0,
        metavar="B",
        help="above 0 favours those that have looked at all of the source (default 0)",
    )


def run(args: argparse.Namespace) -> None:
    """Print the best text; with a beam also the others, and their scores."""
    output = Output(args.out)
    if args.picture is not None:
        check_picture(args.picture)
    model, tokenizer = load_for("translate", args, EncoderDecoder)
    if objective_of(args.model) == "spans":
        raise ValueError(
            f"--model {args.model} was trained to fill gaps, it cannot translate: use fill"
        )
    ids = encode(tokenizer, "--text", args.text)
    check_room("--text", len(ids), model.config.max_seq_len)
    start_id, end_id = check_special(tokenizer, "[START]", "[END]")
    found = beam_search(
        model.reading(np.array([ids])),
        np.array([start_id]),
        width=args.beam,
        max_new_tokens=model.config.max_seq_len,
        end_id=end_id,
        length_penalty=args.length_penalty,
        coverage_penalty=args.coverage_penalty,
    )
    texts = [tokenizer.decode(i for i in one.ids if i != end_id) for one in found]
    output.say(texts[0])
    if args.beam > 1:
        output.say("\nscore   log P   text")
        for one, text in zip(found, texts, strict=True):
            output.say(f"{one.score:<7.3f} {one.log_probability:<7.3f} {text}")
    if args.picture is not None:
        _draw(model, tokenizer, ids, [start_id, *found[0].ids], args.picture)
    output.close()


def _draw(
    model: EncoderDecoder,
    tokenizer: Tokenizer,
    source: list[int],
    written: list[int],
    path: Path,
) -> None:
    """How the last layer looked at the source, averaged over its heads."""
    maps = model.attention_maps(np.array([source]), np.array([written[:-1]]))
    save_attention_map(
        to_host(maps.cross[-1][0].mean(0)),
        [token_text(tokenizer, i) for i in source],
        "attention to the source in the last layer, all heads, averaged",
        path,
        queries=[token_text(tokenizer, i) for i in written[1:]],
    )
