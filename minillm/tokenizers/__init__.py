"""Text to token ids and back."""

from minillm.tokenizers.bpe import BPETokenizer
from minillm.tokenizers.either import Tokenizer, load_tokenizer
from minillm.tokenizers.files import TokenizerFileError
from minillm.tokenizers.words import SPECIAL_TOKENS, WordTokenizer, sentinels

__all__ = [
    "SPECIAL_TOKENS",
    "BPETokenizer",
    "Tokenizer",
    "TokenizerFileError",
    "WordTokenizer",
    "load_tokenizer",
    "sentinels",
]
