"""python -m minillm fill: let a model guess what is missing in a text."""

import argparse
import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.arguments import (
    add_device,
    add_model,
    add_out,
    add_seed,
    some_characters,
    whole,
)
from minillm.cli.draw import bars
from minillm.cli.kinds import check_special, load_for
from minillm.cli.output import Output
from minillm.cli.wording import MASK, check_room, encode_masked, token_text
from minillm.data.objectives import sentinel_ids
from minillm.device import to_host
from minillm.generation import beam_search
from minillm.models import EncoderDecoder, MaskedLanguageModel
from minillm.tokenizers import Tokenizer


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "fill",
        help="guess what is missing in a text with a trained model",
        description="Guess what stands at each [MASK] of a text. To an encoder a [MASK] is "
        "one token, and its guesses come with their probabilities. An encoder-decoder "
        "trained on spans writes one piece or more for each gap; its guesses are for all "
        "gaps together, found by beam search.",
    )
    add_model(parser)
    parser.add_argument(
        "--text",
        type=some_characters,
        required=True,
        metavar="TEXT",
        help="a text with one [MASK] or more; any other special token is plain text",
    )
    parser.add_argument(
        "--top", type=whole(1, 100), default=5, metavar="N", help="guesses (default 5)"
    )
    add_device(parser)
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the text with its gaps filled, and the likeliest guesses."""
    output = Output(args.out)
    model, tokenizer = load_for("fill", args, MaskedLanguageModel, EncoderDecoder)
    if isinstance(model, EncoderDecoder):
        _fill_spans(model, tokenizer, args, output)
    else:
        _fill_tokens(model, tokenizer, args, output)
    output.close()


def _fill_tokens(
    model: MaskedLanguageModel,
    tokenizer: Tokenizer,
    args: argparse.Namespace,
    output: Output,
) -> None:
    """The likeliest tokens of each gap, each on its own: the others stay hidden."""
    [mask_id] = check_special(tokenizer, MASK)
    ids = np.array(encode_masked(tokenizer, "--text", args.text))
    check_room("--text", len(ids), model.config.max_seq_len)
    gaps = np.flatnonzero(ids == mask_id)
    p, _ = F.softmax(to_host(model(ids[None])[0][0])[gaps])
    best = np.argsort(-p, axis=-1, kind="stable")[:, : args.top]
    ids[gaps] = best[:, 0]
    output.say(tokenizer.decode(ids.tolist()))
    for i, (row, guesses) in enumerate(zip(p, best, strict=True), 1):
        output.say(f"\n{MASK} {i} of {len(gaps)}, and the probability of each guess")
        labels = [token_text(tokenizer, int(guess)) for guess in guesses]
        output.say(bars(labels, row[guesses]))


def _fill_spans(
    model: EncoderDecoder,
    tokenizer: Tokenizer,
    args: argparse.Namespace,
    output: Output,
) -> None:
    """The likeliest pieces for all gaps together.

    They are complete when the sentinel is written that would begin one more.
    """
    *gaps, end_id = _sentinels(tokenizer, args)
    mask_id, start_id = check_special(tokenizer, MASK, "[START]")
    left = iter(gaps)
    ids = encode_masked(tokenizer, "--text", args.text)
    source = [next(left) if token_id == mask_id else token_id for token_id in ids]
    check_room("--text", len(source), model.config.max_seq_len)
    found = beam_search(
        model.reading(np.array([source])),
        np.array([start_id]),
        width=args.top,
        max_new_tokens=model.config.max_seq_len,
        end_id=end_id,
    )
    specials = set(tokenizer.special_tokens.values())
    guesses = [_pieces(guess.ids, gaps, specials) for guess in found]
    whole = [i for token in source for i in guesses[0].get(token, [token])]
    output.say(tokenizer.decode(whole))
    output.say("\nguesses for all gaps, parted by |, and the probability of each")
    labels = [" | ".join(map(tokenizer.decode, guess.values())) for guess in guesses]
    p = [math.exp(guess.log_probability) for guess in found]
    output.say(bars(labels, p, width=80, label_width=40))


def _sentinels(tokenizer: Tokenizer, args: argparse.Namespace) -> list[int]:
    """The ids of the sentinels of the gaps, and of one more to close with."""
    known = [name for name in tokenizer.special_tokens if name.startswith("<extra_id_")]
    if not known:
        raise ValueError(
            f"--model {args.model}: the vocabulary has no sentinels such as <extra_id_0>, "
            "so that the model cannot fill gaps: use translate"
        )
    n_gaps = args.text.count(MASK)
    if n_gaps > len(known) - 1:
        raise ValueError(
            f"--text has {n_gaps} {MASK}: the model was trained to fill at most "
            f"{len(known) - 1}"
        )
    return sentinel_ids(tokenizer.special_tokens, n_gaps + 1)


def _pieces(
    written: Iterable[int], gaps: list[int], specials: Collection[int]
) -> dict[int, list[int]]:
    """What was written for each gap: after its sentinel, up to the next special token."""
    pieces: dict[int, list[int]] = {gap: [] for gap in gaps}
    begun = None
    for token_id in written:
        if token_id in specials:
            begun = pieces.get(token_id)
        elif begun is not None:
            begun.append(token_id)
    return pieces
