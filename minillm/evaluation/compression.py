"""General compressors as language models: a code of n bits is a guess of 2^-n."""

import lzma
import zlib
from collections.abc import Callable

BETWEEN = "\n\n"  # the blank line that a split cut away


def compression_baselines(train_text: str, valid_text: str) -> dict[str, float]:
    """What compressors need for a held-out text, alone or after the training text.

        alone   8 len(C(valid)) / n_bytes
        primed  8 (len(C(train valid)) - len(C(train))) / n_bytes

    zlib (level 9) looks 32 KiB back, so that priming shows it the end of the
    training text only; lzma (preset 9, extreme, without file headers) sees all of
    a text below 64 MiB.

    Units: bits per byte of the held-out text in UTF-8.
    Errors: ValueError if the held-out text is empty.
    """
    train, valid = (train_text + BETWEEN).encode(), valid_text.encode()
    if not valid:
        raise ValueError("valid_text is empty: there is nothing to compress")
    scores = {}
    for name, compress in (("zlib", _zlib), ("lzma", _lzma)):
        scores[name] = _bits(compress, b"", valid)
        scores[f"{name} primed"] = _bits(compress, train, valid)
    return scores


def _bits(compress: Callable[[bytes], bytes], before: bytes, text: bytes) -> float:
    added = len(compress(before + text)) - (len(compress(before)) if before else 0)
    return 8 * added / len(text)


def _zlib(text: bytes) -> bytes:
    return zlib.compress(text, 9)


def _lzma(text: bytes) -> bytes:
    best = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}
    return lzma.compress(text, lzma.FORMAT_RAW, filters=[best])
