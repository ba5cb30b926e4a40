"""Byte-pair encoding on bytes: any text in, ids out, and the same text back."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from operator import index

from minillm.tokenizers.bpe_training import learn_merges
from minillm.tokenizers.files import (
    FilePath,
    TokenizerFileError,
    read_tokenizer_file,
    write_tokenizer_file,
)
from minillm.tokenizers.gpt2_files import read_gpt2_files
from minillm.tokenizers.special_tokens import (
    Allowed,
    allowed_tokens,
    check_special_tokens,
    words_and_specials,
)
from minillm.tokenizers.valid_text import check_text, check_texts, short
from minillm.tokenizers.vocabulary import token_table
from minillm.tokenizers.word_cache import WordCache


class BPETokenizer:
    """A byte-level BPE tokenizer (Radford et al. 2019, sec. 2.2). It never changes.

    A token has a *number*: 0 to 255 the bytes, 256 + i what merge i makes, then the
    special tokens in order. Its *id* is its number, except in vocabularies that come
    from elsewhere and say otherwise through `ids` (GPT-2's id 0 is "!").

    merges: pairs of numbers in the order learned. special_tokens: see special_tokens.py.
    ids: the id of each number, a permutation of 0 to vocab_size - 1; None: as numbered.
    """

    def __init__(
        self,
        merges: Sequence[tuple[int, int]] = (),
        special_tokens: Sequence[str] = (),
        ids: Sequence[int] | None = None,
    ) -> None:
        specials = check_special_tokens(special_tokens)
        self.merges = tuple(merges)
        self.ids, self._bytes_of = token_table(self.merges, specials, ids)
        self._special_ids = dict(
            zip(specials, self.ids[len(self.ids) - len(specials) :], strict=True)
        )
        self._ids_of_word = WordCache(self.merges, self.ids)

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        special_tokens: Sequence[str] = (),
    ) -> "BPETokenizer":
        """Learn a vocabulary of vocab_size tokens: bytes, merges and special tokens.

        Several texts are several documents: nothing is learned across their borders,
        nor across special tokens, which are cut out where they occur. Of pairs that are
        equally common the smallest (left, right) by number is merged first. If every
        word becomes one token early, training stops: vocab_size is then smaller.
        """
        specials = check_special_tokens(special_tokens)
        if type(vocab_size) is not int or vocab_size < 256 + len(specials):
            raise ValueError(
                f"vocab_size must be an integer of at least {256 + len(specials)} (256 "
                f"bytes and {len(specials)} special tokens), not {vocab_size!r}"
            )
        counts: Counter[str] = Counter()
        for text in check_texts(texts, "texts"):
            for words, _ in words_and_specials([text], specials):
                counts.update(words)
        if not counts:
            raise ValueError("the corpus is empty: texts must hold ordinary text")
        return cls(learn_merges(counts, vocab_size - 256 - len(specials)), specials)

    @property
    def vocab_size(self) -> int:
        """The number of ids: they run from 0 to vocab_size - 1."""
        return len(self._bytes_of)

    @property
    def special_tokens(self) -> dict[str, int]:
        """The id of each special token by its text."""
        return dict(self._special_ids)

    def encode(self, text: str, allowed_special: Allowed = ()) -> list[int]:
        """The ids of text. decode(encode(text)) == text, for every text.

        allowed_special: the special tokens to recognise in text, or "all". Any other
        is encoded as the ordinary characters it is written with, so that text from
        outside cannot forge a control signal.
        """
        allowed = allowed_tokens(allowed_special, self._special_ids)
        return list(chain.from_iterable(self._encode([check_text(text)], allowed)))

    def encode_iterable(
        self, texts: Iterable[str], allowed_special: Allowed = ()
    ) -> Iterator[int]:
        """The ids of the joined texts, one by one: encode("".join(texts)).

        Memory holds a piece of the text, not the corpus: see Splitter for where a text
        may be cut without changing its ids.
        """
        allowed = allowed_tokens(allowed_special, self._special_ids)
        checked = check_texts(texts, "texts")
        return chain.from_iterable(self._encode(checked, allowed))

    def _encode(
        self, texts: Iterable[str], allowed: Collection[str]
    ) -> Iterator[Iterable[int]]:
        ids_of_word = self._ids_of_word.__getitem__
        for words, special in words_and_specials(texts, allowed):
            yield chain.from_iterable(map(ids_of_word, words))
            if special:
                yield (self._special_ids[special],)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens as written; U+FFFD where it is no UTF-8."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of ids; ValueError for one that is not in the vocabulary."""
        try:
            whole = list(map(index, ids))
        except TypeError:
            raise ValueError(
                f"ids must be integers in one sequence, not {short(ids)}"
            ) from None
        try:
            return b"".join([self._bytes_of[id_] for id_ in whole])
        except KeyError as error:
            raise ValueError(
                f"token id {error.args[0]} is not in the vocabulary: ids run from 0 to "
                f"{self.vocab_size - 1}"
            ) from None

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token, which may be a part of a character."""
        return self.decode_bytes([token_id])

    def save(self, path: FilePath) -> None:
        """Write the tokenizer to a JSON file, whole or not at all (see files.py)."""
        as_numbered = self.ids == tuple(range(self.vocab_size))
        write_tokenizer_file(
            path,
            list(self.merges),
            list(self._special_ids),
            None if as_numbered else list(self.ids),
        )

    @classmethod
    def load(cls, path: FilePath) -> "BPETokenizer":
        """Read what save wrote; TokenizerFileError for any other file."""
        return cls._from_file(path, *read_tokenizer_file(path))

    @classmethod
    def from_gpt2(
        cls,
        encoder_json: FilePath,
        vocab_bpe: FilePath,
        special_tokens: Sequence[str] = ("<|endoftext|>",),
    ) -> "BPETokenizer":
        """Read GPT-2's encoder.json and vocab.bpe, or files of the same form."""
        specials = check_special_tokens(special_tokens)
        merges, ids = read_gpt2_files(encoder_json, vocab_bpe, specials)
        return cls._from_file(encoder_json, merges, specials, ids)

    @classmethod
    def _from_file(
        cls,
        path: FilePath,
        merges: list[tuple[int, int]],
        specials: Sequence[str],
        ids: Sequence[int] | None,
    ) -> "BPETokenizer":
        try:
            return cls(merges, specials, ids)
        except ValueError as error:
            raise TokenizerFileError(f"{path}: {error}") from None

    def __eq__(self, other: object) -> bool:
        """Equal tokenizers give equal ids for every text, and equal text for all ids."""
        if not isinstance(other, BPETokenizer):
            return NotImplemented
        mine = self.merges, self.ids, self._special_ids
        return mine == (other.merges, other.ids, other._special_ids)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        specials = list(self._special_ids)
        return f"BPETokenizer(vocab_size={self.vocab_size}, special_tokens={specials})"
