"""One token a word: for texts whose few words are known beforehand."""

from collections.abc import Iterable, Sequence
from operator import index

from minillm.tokenizers.files import FilePath, TokenizerFileError
from minillm.tokenizers.special_tokens import (
    Allowed,
    allowed_tokens,
    check_special_tokens,
)
from minillm.tokenizers.valid_text import check_text, check_texts, short
from minillm.tokenizers.word_files import read_word_file, write_word_file

PAD, UNKNOWN = "[PAD]", "[UNK]"
SPECIAL_TOKENS = (PAD, UNKNOWN, "[CLS]", "[SEP]", "[MASK]", "[START]", "[END]")


def sentinels(n: int) -> tuple[str, ...]:
    """The special tokens <extra_id_0> to <extra_id_{n-1}> (Raffel et al. 2020)."""
    return tuple(f"<extra_id_{i}>" for i in range(n))


class WordTokenizer:
    """A tokenizer with a fixed list of words, parted by white space. It never changes.

    Ids go to the special tokens first, in their order, then to the words: [PAD] is 0.
    Every word outside the list becomes [UNK], and so is lost: a text that comes back
    whole is one of known words with a single space between each two.

    words: distinct strings without white space. special_tokens: [PAD] first and [UNK]
    among them, e.g. (*SPECIAL_TOKENS, *sentinels(8)).
    """

    def __init__(
        self, words: Iterable[str], special_tokens: Sequence[str] = SPECIAL_TOKENS
    ) -> None:
        specials = check_special_tokens(special_tokens)
        if specials[:1] != (PAD,) or UNKNOWN not in specials:
            raise ValueError(
                f"special_tokens must begin with {PAD} and hold {UNKNOWN}, unlike "
                f"{short(specials)}"
            )
        self._texts = (*specials, *check_texts(words, "words"))
        self._ids: dict[str, int] = {}
        for id_, text in enumerate(self._texts):
            if text.split() != [text]:
                raise ValueError(f"{short(text)} is empty or holds white space: no word")
            if self._ids.setdefault(text, id_) != id_:
                raise ValueError(f"the word {short(text)} is given twice")
        self._special_ids = {text: self._ids[text] for text in specials}

    @property
    def vocab_size(self) -> int:
        """The number of ids: they run from 0 to vocab_size - 1."""
        return len(self._texts)

    @property
    def special_tokens(self) -> dict[str, int]:
        """The id of each special token by its text."""
        return dict(self._special_ids)

    @property
    def words(self) -> tuple[str, ...]:
        """The words by id, from the first that is no special token on."""
        return self._texts[len(self._special_ids) :]

    def encode(self, text: str, allowed_special: Allowed = ()) -> list[int]:
        """The ids of the words of a text; [UNK]'s for each word that is not known.

        allowed_special: the special tokens to recognise in text, or "all". Any other is
        an unknown word, so that text from outside cannot forge a control signal.
        """
        allowed = allowed_tokens(allowed_special, self._special_ids)
        unknown = self._special_ids[UNKNOWN]
        barred = self._special_ids.keys() - set(allowed)
        return [
            unknown if word in barred else self._ids.get(word, unknown)
            for word in check_text(text).split()
        ]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of ids with a space between each two, special tokens as written.

        ValueError for ids that are not in the vocabulary.
        """
        try:
            whole = list(map(index, ids))
        except TypeError:
            raise ValueError(
                f"ids must be integers in one sequence, not {short(ids)}"
            ) from None
        for id_ in whole:
            if not 0 <= id_ < self.vocab_size:
                raise ValueError(
                    f"token id {id_} is not in the vocabulary: ids run from 0 to "
                    f"{self.vocab_size - 1}"
                )
        return " ".join([self._texts[id_] for id_ in whole])

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token, without the space that parts it from the next."""
        return self.decode([token_id]).encode()

    def save(self, path: FilePath) -> None:
        """Write the tokenizer to a JSON file, whole or not at all (see word_files.py)."""
        write_word_file(path, list(self._special_ids), list(self.words))

    @classmethod
    def load(cls, path: FilePath) -> "WordTokenizer":
        """Read what save wrote; TokenizerFileError for any other file."""
        specials, words = read_word_file(path)
        try:
            return cls(words, specials)
        except ValueError as error:
            raise TokenizerFileError(f"{path}: {error}") from None

    def __eq__(self, other: object) -> bool:
        """Equal tokenizers give equal ids for every text, and equal text for all ids."""
        if not isinstance(other, WordTokenizer):
            return NotImplemented
        mine = self._texts, self._special_ids
        return mine == (other._texts, other._special_ids)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        specials = list(self._special_ids)
        return f"WordTokenizer(vocab_size={self.vocab_size}, special_tokens={specials})"
