"""python -m minillm tokenize: how a text falls into tokens."""

import argparse
from typing import Any

from minillm.cli.arguments import add_model, add_out, add_seed, characters, check_model
from minillm.cli.draw import visible
from minillm.cli.output import Output
from minillm.cli.wording import token_text
from minillm.data import read_text
from minillm.model_folder import ModelFolder
from minillm.tokenizers import load_tokenizer


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "tokenize",
        help="show how a text falls into tokens",
        description="Show the tokens and ids of a text, and how many bytes a token holds.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "prompt", nargs="?", type=characters, metavar="TEXT", help="the text itself"
    )
    source.add_argument("--text", metavar="FILE", help="a file of UTF-8 text")
    add_model(parser)
    parser.add_argument("--ids", action="store_true", help="only the ids, on one line")
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the tokens of a text."""
    output = Output(args.out)
    folder = ModelFolder(check_model(args.model))
    tokenizer = load_tokenizer(folder.file("tokenizer.json"))
    text = args.prompt if args.text is None else read_text(args.text)
    ids = tokenizer.encode(text)
    if args.ids:
        output.say(" ".join(map(str, ids)))
    else:
        for token_id in ids:
            output.say(f"{token_id:>7}  {visible(token_text(tokenizer, token_id))}")
        n_bytes = len(text.encode())
        output.say(
            f"{len(ids):,} tokens of a vocabulary of {tokenizer.vocab_size:,}, "
            f"{n_bytes:,} bytes"
            + (f", {n_bytes / len(ids):.2f} bytes per token" if ids else "")
        )
    output.close()
