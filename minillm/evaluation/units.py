"""Units in which texts of different tokenizers can be compared."""

import math


def bits_per_byte(nats_per_token: float, n_tokens: int, n_bytes: int) -> float:
    """The length of a text's code in bits, per byte of the text.

        bits_per_byte = nats_per_token n_tokens / (ln 2 n_bytes)

    where the n_tokens are all tokens of the text whose UTF-8 form has n_bytes, also
    if the mean was taken over a few less (a model cannot predict the first).

    Errors: ValueError if n_bytes is below 1.
    """
    if n_bytes < 1:
        raise ValueError(f"n_bytes {n_bytes}: a text of at least 1 byte is needed")
    return nats_per_token * n_tokens / (math.log(2) * n_bytes)
