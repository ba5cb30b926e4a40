"""How much memory a config asks for beside its parameters: said before it is taken.

Parameters stand in the file of weights, which bears out how many there are. What a model
makes of max_seq_len or of a dilation stands nowhere else.
"""

from minillm.models.config import TransformerConfig
from minillm.models.convolutional import ConvolutionalConfig
from minillm.models.counting import Config

ALWAYS = 1 << 26  # numbers: a context of 32,768 at n_layers 4 and d_model 256 fits
TIMES = 64  # or as many times the parameters


def check_room(config: Config, n_parameters: int) -> None:
    """Raises ValueError for a config whose context takes far more than its weights."""
    most = max(ALWAYS, TIMES * n_parameters)
    if isinstance(config, TransformerConfig):
        table = config.d_model if config.positions == "sinusoidal" else 0
        held = config.max_seq_len * (table + 2 * config.n_layers * _keys(config))
        if held > most:
            raise ValueError(
                f"max_seq_len {config.max_seq_len:,} takes {held:,} numbers beside "
                f"{n_parameters:,} parameters: at most {most:,} are accepted"
            )
    if isinstance(config, ConvolutionalConfig) and _reaches_beyond(config, most):
        raise ValueError(
            f"dilation {config.dilation:,}, width {config.width:,} and n_layers "
            f"{config.n_layers:,} reach back further than the {most:,} numbers that are "
            "accepted"
        )


def _keys(config: TransformerConfig) -> int:
    """The width of a position's keys in a layer; values are as wide, angles narrower."""
    return (config.n_kv_heads or config.n_heads) * config.head_width


def _reaches_beyond(config: ConvolutionalConfig, most: int) -> bool:
    """Whether all layers together remember more: sum of reach_l d_model."""
    reach, held = (config.width - 1) * config.d_model, 0
    for _ in range(config.n_layers):
        held += reach
        if held > most:
            return True
        reach *= config.dilation
    return False
