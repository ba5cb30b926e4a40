"""A loss as a number of choices."""

import math

# A loss just below 0: rounding in probabilities that miss 1 by less than this.
ROUNDING = 1e-6


def perplexity(mean_loss: float) -> float:
    """Among how many equally likely tokens the model is undecided (Jelinek et al. 1977).

        perplexity = exp(mean_loss) = (prod_t p(x_t | x_1 .. x_{t-1}))^(-1 / n_tokens)

    where mean_loss is the mean of -ln p over the n_tokens of a text. A blind guess has
    the perplexity vocab_size, and certainty has 1. Like the loss it is of one tokenizer:
    for texts of several see bits_per_byte.

    Units: mean_loss in nats per token; inf has a perplexity of inf.
    Errors: ValueError if mean_loss is nan or below 0, as no mean of -ln p is.
    """
    if not mean_loss >= -ROUNDING:
        raise ValueError(f"mean_loss {mean_loss}: a mean of -ln p is at least 0")
    try:
        return math.exp(mean_loss)
    except OverflowError:
        return math.inf
