"""Text to token ids and back."""

from minillm.tokenizers.bpe import BPETokenizer
from minillm.tokenizers.files import TokenizerFileError

__all__ = ["BPETokenizer", "TokenizerFileError"]
