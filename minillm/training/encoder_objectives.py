"""What an encoder is trained on: hidden tokens, and labels for tokens and texts.

Batches bring a mask, True where there is a token. Where it is False a target does not
count, and a row that is nothing but padding adds no loss and no gradient.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.functional.masks import check_mask
from minillm.training.fit import call_model, check_batch, check_integers
from minillm.training.objectives import Batch, count, token_loss
from minillm.types import Array


@dataclass(frozen=True)
class TokenClass:
    """Tagging (Devlin et al. 2019, sec. 5.3): what is each token?

        loss = mean of -log p(targets[t] | all inputs)

    A batch is (inputs, targets, mask), each (batch, seq_len); the loss is the mean over
    the targets that are not IGNORED (-100), of tokens that are not padding.
    """

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        inputs, targets, mask = self.read(batch)
        logits, model_backward = call_model(
            self, model, inputs, mask=mask, segment_ids=None, rng=rng
        )
        return token_loss(logits, model_backward, targets)

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[1])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked, with the targets of padding IGNORED."""
        check_batch(self, batch, "inputs, targets, mask")
        inputs, targets, mask = batch
        check_integers("targets", targets, inputs.shape)
        check_mask("mask", mask, inputs.shape)
        return inputs, np.where(mask, targets, F.IGNORED), mask


class MaskedTokens(TokenClass):
    """Masked language modelling (Devlin et al. 2019, sec. 3.1): what was hidden?

        loss = mean of -log p(targets[t] | inputs)      over the chosen places t

    A batch is (inputs, targets, mask), each (batch, seq_len), as data.MaskedWindows
    gives it: targets are IGNORED (-100) except at the chosen places. The classes of a
    token are the words of the vocabulary.
    """


@dataclass(frozen=True)
class SequenceClass:
    """Classification (Devlin et al. 2019, sec. 4.1): what is the whole text?

        loss = mean of -log p(label | inputs)

    A batch is (inputs (batch, seq_len), labels (batch,), mask (batch, seq_len)).
    """

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        inputs, labels, mask = self.read(batch)
        logits, model_backward = call_model(
            self, model, inputs, mask=mask, segment_ids=None, rng=rng
        )
        return token_loss(logits, model_backward, labels)

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[1])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked, with the labels of rows that are all padding IGNORED."""
        check_batch(self, batch, "inputs, labels, mask")
        inputs, labels, mask = batch
        check_integers("labels", labels, inputs.shape[:1])
        check_mask("mask", mask, inputs.shape)
        return inputs, np.where(mask.any(-1), labels, F.IGNORED), mask
