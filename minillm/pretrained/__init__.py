"""Models from disk."""

from minillm.pretrained.own import load

__all__ = ["load"]
