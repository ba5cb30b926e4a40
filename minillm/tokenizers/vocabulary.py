"""The table of tokens that merges imply, checked before anything is built from it."""

from collections.abc import Sequence

from minillm.tokenizers.merging import Pair

_MAX_TABLE_BYTES = 1 << 26  # GPT-2's tokens take 0.3 MB


def token_table(
    merges: Sequence[Pair], special_tokens: Sequence[str], ids: Sequence[int] | None
) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """(id of each token number, bytes of each id).

    ValueError if a merge uses a token that is not made yet, makes bytes that another
    token has, or if ids is not a permutation of 0 to vocab_size - 1.
    """
    tokens = [*_merged(merges), *(text.encode() for text in special_tokens)]
    ids = tuple(range(len(tokens)) if ids is None else ids)
    if sorted(ids) != list(range(len(tokens))):
        raise ValueError(
            f"ids must give each of the {len(tokens)} tokens one of 0 to "
            f"{len(tokens) - 1}, each once"
        )
    return ids, dict(zip(ids, tokens, strict=True))


def _merged(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes of each byte token and merge.

    Training never makes the same bytes twice (two places where the same bytes lie
    between the same borders are merged alike), so a table that does is a broken one.
    """
    tokens = [bytes([byte]) for byte in range(256)]
    known, size = set(tokens), 0
    for i, (left, right) in enumerate(merges):
        if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
            raise ValueError(
                f"merge {i} joins tokens {left} and {right}: only 0 to "
                f"{len(tokens) - 1} are made before it"
            )
        size += len(tokens[left]) + len(tokens[right])
        if size > _MAX_TABLE_BYTES:  # each merge can double: forty make a terabyte
            raise ValueError(f"the tokens take more than {_MAX_TABLE_BYTES} bytes")
        token = tokens[left] + tokens[right]
        if token in known:
            raise ValueError(f"merge {i} makes a token that exists already")
        known.add(token)
        tokens.append(token)
    return tokens
