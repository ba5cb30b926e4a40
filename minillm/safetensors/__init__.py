"""The safetensors file format, read and written: named arrays, and nothing that runs.

A file is (the format of the Hugging Face safetensors library):

    8 bytes    n, the length of the header: unsigned, little endian, at most 100 MB
    n bytes    the header: UTF-8 JSON, padded with spaces
                 {"__metadata__": {name: text, ...},
                  name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    the rest   the arrays' bytes, little endian, in C order. Offsets count from here;
               the arrays cover every byte exactly once.

Unlike a pickle, nothing in it can run; and nothing that it claims is believed before
the size of the file bears it out, so that no header can ask for memory.
"""

from minillm.safetensors.file import (
    load,
    load_metadata,
    load_shapes,
    load_with_metadata,
    save,
)
from minillm.safetensors.header import SafetensorsError

__all__ = [
    "SafetensorsError",
    "load",
    "load_metadata",
    "load_shapes",
    "load_with_metadata",
    "save",
]
