"""A tokenizer.json of either kind."""

from minillm.tokenizers import files, word_files
from minillm.tokenizers.bpe import BPETokenizer
from minillm.tokenizers.files import FilePath, TokenizerFileError, read_json_object
from minillm.tokenizers.valid_text import short
from minillm.tokenizers.words import WordTokenizer

Tokenizer = BPETokenizer | WordTokenizer


def load_tokenizer(path: FilePath) -> Tokenizer:
    """Read what the save of either tokenizer wrote; TokenizerFileError for other files."""
    name = read_json_object(path).get("format")
    if name == files.FORMAT:
        return BPETokenizer.load(path)
    if name == word_files.FORMAT:
        return WordTokenizer.load(path)
    raise TokenizerFileError(
        f'{path}: no minillm tokenizer: "format" must be "{files.FORMAT}" or '
        f'"{word_files.FORMAT}", not {short(name)}'
    )
