"""python -m minillm generate: let a model write on."""

import argparse
import codecs
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minillm.cli.arguments import (
    add_device,
    add_model,
    add_out,
    add_sampling,
    add_seed,
    some_characters,
    whole,
)
from minillm.cli.kinds import load_for
from minillm.cli.output import Output
from minillm.cli.wording import encode
from minillm.generation import SamplingSettings, Token, generate
from minillm.models import ConvolutionalLM, DecoderOnly, RecurrentLM
from minillm.tokenizers import Tokenizer, WordTokenizer

Writer = DecoderOnly | RecurrentLM | ConvolutionalLM


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "generate",
        help="continue a prompt with a trained model",
        description="Continue a prompt, token by token, as the model's distribution says.",
    )
    add_model(parser)
    parser.add_argument(
        "--prompt",
        type=some_characters,
        required=True,
        metavar="TEXT",
        help="what the model continues",
    )
    parser.add_argument(
        "--max-new-tokens", type=whole(0), default=100, metavar="N", help="default 100"
    )
    add_sampling(parser)
    parser.add_argument(
        "--stop",
        type=some_characters,
        metavar="TEXT",
        help="end where the new text holds this for the first time",
    )
    parser.add_argument(
        "--window",
        type=whole(1),
        metavar="N",
        help="how many of the last tokens are read again when the model's context is full "
        "(default: half of it)",
    )
    add_device(parser)
    add_seed(parser)
    add_out(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the prompt and what follows, token by token."""
    output = Output(args.out)
    settings = SamplingSettings(
        args.temperature, args.top_k, args.top_p, args.min_p, args.repetition_penalty
    )
    model, tokenizer = load_for("generate", args, DecoderOnly, RecurrentLM, ConvolutionalLM)
    ids = encode(tokenizer, "--prompt", args.prompt)
    window = _window(model, len(ids), args.max_new_tokens, args.window)
    rng = np.random.default_rng(args.seed or 0)
    tokens = generate(
        model, np.array(ids), args.max_new_tokens, settings=settings, window=window, rng=rng
    )
    output.say(args.prompt, end="")
    texts = _texts(tokenizer, tokens)
    for text in _until(args.stop, texts) if args.stop else texts:
        output.say(text, end="")
    output.say()
    output.close()


def _texts(tokenizer: Tokenizer, tokens: Iterable[Token]) -> Iterator[str]:
    """The text of each token; a character that tokens share comes with the last one."""
    if isinstance(tokenizer, WordTokenizer):
        yield from (f" {tokenizer.decode([token.id])}" for token in tokens)
        return
    utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        yield utf8.decode(tokenizer.token_bytes(token.id))
    yield utf8.decode(b"", final=True)


def _until(stop: str, texts: Iterable[str]) -> Iterator[str]:
    """The texts, up to where they hold `stop` for the first time, itself included."""
    written = ""
    for text in texts:
        found = (written + text).find(stop)
        if found >= 0:
            yield text[: found + len(stop) - len(written)]
            return
        written += text
        yield text


def _window(
    model: Writer, n_prompt: int, max_new_tokens: int, window: int | None
) -> int | None:
    """The sliding window that was asked for, or half the context once it is needed."""
    longest = model.config.max_seq_len
    if longest is None:
        if window is not None:
            raise ValueError(
                f"--window {window}: this model reads texts of any length, leave it out"
            )
        return None
    if window is not None:
        return window
    if n_prompt > longest:
        raise ValueError(
            f"--prompt has {n_prompt} tokens, the model's context {longest}: shorten it, "
            "or give --window to read only its end"
        )
    if n_prompt + max_new_tokens - 1 <= longest or longest < 2:
        return None
    print(
        f"minillm: the context holds {longest} tokens; whenever it is full, the last "
        f"{longest // 2} are read again and the rest is forgotten (--window)",
        file=sys.stderr,
    )
    return longest // 2
