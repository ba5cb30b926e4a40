"""Large language models in explicit NumPy, every gradient written by hand."""

__version__ = "0.1.0"
