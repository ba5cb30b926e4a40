"""Mutants of minillm.functional that compute the same."""

LAYOUT = (
    "The copy has the same numbers in another order of memory: it makes every step one "
    "block, for speed, and nothing writes to x."
)
TIME_FIRST = (
    "x = x.swapaxes(0, 1).copy() # time first: a step is one block",
    "x = (x.swapaxes(0, 1)) # time first: a step is one block",
)

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "functional/alibi.py": {
        (
            "return -slopes[:, None, None] * np.abs(i - j)",
            "return -slopes[:, None, None] * np.abs((j - i))",
        ): "|i - j| = |j - i|, of whole numbers to the last bit.",
    },
    "functional/attention.py": {
        (
            "scores += np.multiply(np.logical_not(mask), FORBIDDEN, dtype=scores.dtype)",
            "scores += (np.multiply(np.logical_not(mask), FORBIDDEN))",
        ): "Without the dtype a float32 score is added in float64 and rounded back. One "
        "that may be seen has -0 added either way. One that may not becomes -1e30 and a "
        "little; for all scores below 1e29 that is beneath the largest, or FORBIDDEN / 2, "
        "by 1e29 at least, and weighs exactly 0.",
    },
    "functional/convolution.py": {
        (
            "seen = [(k, lag) for k, lag in enumerate(lags) if lag < seq_len]",
            "seen = [(k, lag) for k, lag in enumerate(lags) if (lag <= seq_len)]",
        ): "From lag = seq_len before, no position is read: slices of length 0 are added "
        "to y and dx, and dW[k], which was 0, becomes a product over 0 rows, which is 0.",
    },
    "functional/draws.py": {
        (
            "if not 0 <= i < SITES - 1 or site >= SITES**6:",
            "if not 0 <= i < SITES - 1 or (site > (SITES**6)):",
        ): "Of an i that was not refused, site is i + 1 modulo SITES, which is not 0: it "
        "never equals SITES^6.",
    },
    "functional/elman.py": {TIME_FIRST: LAYOUT},
    "functional/gru.py": {TIME_FIRST: LAYOUT},
    "functional/losses.py": {
        (
            "exp_z = np.exp(z, out=z)",
            "exp_z = (np.exp(z))",
        ): "The same numbers in new memory: z is ours, and is not read again.",
    },
    "functional/lstm.py": {TIME_FIRST: LAYOUT},
    "functional/positions.py": {
        (
            "PE[:, 0::2] = np.sin(angle)",
            "PE[:, ::2] = np.sin(angle)",
        ): "A slice with a positive step begins at 0 unless told otherwise.",
    },
    "functional/rotary.py": {
        (
            "even, odd = np.s_[..., 0::2], np.s_[..., 1::2]",
            "even, odd = np.s_[..., ::2], np.s_[..., 1::2]",
        ): "A slice with a positive step begins at 0 unless told otherwise.",
    },
    "functional/special.py": {
        (
            "size = np.minimum(np.abs(x), 6.0)",
            "size = np.minimum(np.abs(x), (12.0))",
        ): "At 6 the result rounds to 1 already. From 6 to 12 s falls from -1 to -5/3, "
        "where every term of Q is positive and grows with -s, as the signs of its "
        "coefficients alternate: x Q grows on, and expm1(-x Q) stays -1.",
    },
}
