"""From gradients to better parameters."""

from minillm.training.clipping import clip_by_global_norm
from minillm.training.encoder_objectives import MaskedTokens, SequenceClass, TokenClass
from minillm.training.flat import Flat
from minillm.training.objectives import NextToken, Objective
from minillm.training.optimizers import SGD, AdamW, Optimizer
from minillm.training.parallel import BatchGradient
from minillm.training.progress import Progress
from minillm.training.schedules import Constant, Noam, Schedule, WarmupCosine
from minillm.training.sequence_objectives import PrefixNextToken, SequenceToSequence
from minillm.training.threads import available_cores, blas_threads, keep_freed_memory
from minillm.training.trainer import NonFiniteLossError, Trainer, TrainerSettings, mean_loss
from minillm.training.truncated import TruncatedNextToken

__all__ = [
    "SGD",
    "AdamW",
    "BatchGradient",
    "Constant",
    "Flat",
    "MaskedTokens",
    "NextToken",
    "Noam",
    "NonFiniteLossError",
    "Objective",
    "Optimizer",
    "PrefixNextToken",
    "Progress",
    "Schedule",
    "SequenceClass",
    "SequenceToSequence",
    "TokenClass",
    "Trainer",
    "TrainerSettings",
    "TruncatedNextToken",
    "WarmupCosine",
    "available_cores",
    "blas_threads",
    "clip_by_global_norm",
    "keep_freed_memory",
    "mean_loss",
]
