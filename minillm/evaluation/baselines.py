"""What a language model has to beat, measured on the same tokens."""

from minillm.evaluation.interpolated import InterpolatedNgram
from minillm.evaluation.kneser_ney import KneserNey
from minillm.types import Array


def token_baselines(
    train_ids: Array, valid_ids: Array, vocab_size: int, order: int = 5
) -> dict[str, float]:
    """How well counting predicts a held-out text, from the weakest count up.

    Every model gives each token of the vocabulary a positive probability. All
    tokens of the held-out text are scored, the first without a context.

    Shapes: train_ids, valid_ids (n_tokens,) of int; `order` is Kneser-Ney's.
    Units: nats per token.
    Errors: ValueError if ids are missing or outside of the vocabulary.
    """
    models = {
        "unigram": InterpolatedNgram(train_ids, vocab_size, order=1),
        "interpolated bigram": InterpolatedNgram(train_ids, vocab_size, order=2),
        f"Kneser-Ney {order}-gram": KneserNey(train_ids, vocab_size, order),
    }
    return {name: model.nats_per_token(valid_ids) for name, model in models.items()}
