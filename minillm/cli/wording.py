"""From a user's words to a model's tokens, and back."""

from itertools import accumulate, chain

from minillm.tokenizers import Tokenizer, WordTokenizer

MASK = "[MASK]"


def token_text(tokenizer: Tokenizer, token_id: int) -> str:
    """A token as `visible` takes it, though it may be a part of a character."""
    return tokenizer.token_bytes(token_id).decode("utf-8", "surrogateescape")


def encode(tokenizer: Tokenizer, option: str, text: str) -> list[int]:
    """The ids of a user's text, in which no special token can be written.

    Raises ValueError for words that the tokenizer does not know.
    """
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError(f"{option} {text!r} holds no word")
    _check_known(tokenizer, option, text.split())
    return ids


def encode_masked(tokenizer: Tokenizer, option: str, text: str) -> list[int]:
    """The ids of a text in which [MASK], and no other special token, can be written.

    A space before a mask belongs to the token that is hidden, where a token has one.
    """
    if MASK not in text:
        raise ValueError(f"{option} {text!r} holds no {MASK}: write it where a gap is")
    _check_known(tokenizer, option, [word for word in text.split() if word != MASK])
    if not isinstance(tokenizer, WordTokenizer):
        text = text.replace(f" {MASK}", MASK)
    return tokenizer.encode(text, allowed_special=[MASK])


def framed(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    """[CLS] ids [SEP], as a classifier reads them."""
    special = tokenizer.special_tokens
    return [special["[CLS]"], *ids, special["[SEP]"]]


def encode_words(tokenizer: Tokenizer, words: list[str]) -> tuple[list[int], list[int]]:
    """The framed ids of words, and where each word's first token stands in them."""
    first, *others = words
    pieces = [tokenizer.encode(word) for word in (first, *(f" {word}" for word in others))]
    begins = accumulate(map(len, pieces[:-1]), initial=1)
    return framed(tokenizer, list(chain.from_iterable(pieces))), list(begins)


def check_room(option: str, n_tokens: int, longest: int | None) -> None:
    """Raises ValueError for a text that a model's context cannot hold."""
    if longest is not None and n_tokens > longest:
        raise ValueError(
            f"{option} has {n_tokens} tokens, the model's context {longest}: shorten it"
        )


def _check_known(tokenizer: Tokenizer, option: str, words: list[str]) -> None:
    if not isinstance(tokenizer, WordTokenizer):
        return
    known = set(tokenizer.words)
    unknown = list(dict.fromkeys(word for word in words if word not in known))
    if unknown:
        raise ValueError(
            f"{option}: the model does not know {', '.join(map(repr, unknown))}; it knows "
            f"{len(known)} words, such as {', '.join(map(repr, tokenizer.words[:5]))}"
        )
