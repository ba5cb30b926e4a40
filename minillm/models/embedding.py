"""From ids to the stream of vectors that the blocks work on."""

from minillm.functional.ids import check_array
from minillm.layers import (
    Embedding,
    Identity,
    LayerNorm,
    LearnedPositions,
    NoPositions,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)
from minillm.types import Array, BackwardNone


def embed(
    vocabulary: TiedVocabulary | UntiedVocabulary,
    positions: LearnedPositions | SinusoidalPositions | NoPositions,
    norm: LayerNorm | Identity,
    ids: Array,
    start: int = 0,
    segments: tuple[Embedding, Array] | None = None,
) -> tuple[Array, BackwardNone]:
    """What a token is, where it stands, and in which segment, in one vector.

        h = norm(embed(ids) + P + S[segment_ids])       S: only where segments are given

    Backward. A sum passes its gradient to each of its terms; all sequences of the
    batch share P, so its gradients add up.

    Shapes: ids (batch, seq_len), the first at position `start`; segments is S and
    segment_ids (batch, seq_len)  ->  h (batch, seq_len, d_model)
    """
    h, token_backward = vocabulary.embed(ids)
    P, position_backward = positions(start, start + ids.shape[1])
    h += P
    segment_backward = None
    if segments is not None:
        S, segment_ids = segments
        s, segment_backward = S(segment_ids)
        h += s
    h, norm_backward = norm(h)

    def backward(dh: Array) -> None:
        dh = norm_backward(dh)
        position_backward(dh.sum(0))
        token_backward(dh)
        if segment_backward is not None:
            segment_backward(dh)

    return h, backward


def check_sequences(name: str, ids: Array) -> None:
    """Refuse ids that are no batch of sequences."""
    check_array(name, ids)
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(f"{name} {ids.shape}: give (batch, seq_len), at least one token")


def check_length(name: str, ids: Array, max_seq_len: int, start: int = 0) -> None:
    """Refuse ids that are no batch of sequences, or that go beyond max_seq_len."""
    check_sequences(name, ids)
    if start + ids.shape[1] > max_seq_len:
        raise ValueError(
            f"{name}: seq_len {start + ids.shape[1]} exceeds max_seq_len {max_seq_len}: "
            "shorten it"
        )
