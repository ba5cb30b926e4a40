"""python -m minillm classify: label a text, or each of its words."""

import argparse
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.arguments import (
    add_device,
    add_model,
    add_out,
    add_seed,
    some_characters,
)
from minillm.cli.draw import bars, columns, fit, visible
from minillm.cli.kinds import check_special, load_for
from minillm.cli.output import Output
from minillm.cli.wording import check_room, encode, encode_words, framed
from minillm.device import to_host
from minillm.models import SequenceClassifier, TokenClassifier
from minillm.tokenizers import Tokenizer
from minillm.types import Array


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "classify",
        help="label a text, or its words, with a trained model",
        description="Label a text, with the probability of each label; or, with a model "
        "that was trained to tag, each word of it.",
    )
    add_model(parser)
    parser.add_argument(
        "--text", type=some_characters, required=True, metavar="TEXT", help="what to label"
    )
    add_device(parser)
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the label of the text, or the tag of each word."""
    output = Output(args.out)
    model, tokenizer = load_for("classify", args, SequenceClassifier, TokenClassifier)
    check_special(tokenizer, "[CLS]", "[SEP]")
    ids = encode(tokenizer, "--text", args.text)
    if isinstance(model, SequenceClassifier):
        _label(model, framed(tokenizer, ids), output)
    else:
        _tag(model, tokenizer, args.text, output)
    output.close()


def _label(model: SequenceClassifier, ids: list[int], output: Output) -> None:
    check_room("--text", len(ids), model.config.max_seq_len)
    p = _probabilities(model, ids)
    best = np.argsort(-p, kind="stable")
    labels = [model.config.labels[i] for i in best]
    output.say(f"{labels[0]}\n\n{bars(labels, p[best])}")


def _tag(model: TokenClassifier, tokenizer: Tokenizer, text: str, output: Output) -> None:
    """A word's tag is that of its first token."""
    words = text.split()
    if not words:
        raise ValueError(f"--text {text!r} holds no word")
    ids, begins = encode_words(tokenizer, words)
    check_room("--text", len(ids), model.config.max_seq_len)
    p = _probabilities(model, ids)[begins]
    names = [visible(word) for word in words]
    width = max(map(columns, names))
    for name, row in zip(names, p, strict=True):
        best = int(row.argmax())
        output.say(f"{fit(name, width)}  {model.config.labels[best]}  {row[best]:.3g}")


def _probabilities(model: SequenceClassifier | TokenClassifier, ids: list[int]) -> Array:
    logits, _ = model(np.array([ids]))
    return F.softmax(to_host(logits[0]))[0]
