"""Compare a hand-written backward with the slope it claims to be.

from minillm.gradient_check import check_gradients
check_gradients(F.layer_norm, x, gamma, beta)      # raises GradientError, or not
"""

from minillm.gradient_check.check import GradientError, check_gradients, check_parameters

__all__ = ["GradientError", "check_gradients", "check_parameters"]
