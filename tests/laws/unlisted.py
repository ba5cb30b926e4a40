"""What the catalogue leaves out, and why."""

NOT_DIFFERENTIABLE = {
    "IGNORED": "a number",
    "Draws": "random numbers",
    "Uniform": "a protocol",
    "causal_mask": "makes a mask",
    "prefix_mask": "makes a mask",
    "padding_mask": "makes a mask",
    "sinusoidal_positions": "makes a table",
    "erf": "a special function; gelu_exact differentiates it",
    "rotary_table": "makes a table",
    "alibi_slopes": "makes a table",
    "alibi_bias": "makes a bias that is not learned",
    "causal_buckets": "makes indices",
    "bidirectional_buckets": "makes indices",
}

NO_FORWARD = {
    "Module": "the base class",
    "Parameter": "an array",
    "Buffer": "an array",
    "KVCache": "memory for generation; tests/layers/test_kv_cache.py",
    "Memory": "memory for generation; tests/layers/test_attention.py",
    "CrossCache": "memory for generation; tests/layers/test_block.py",
    "NoOrder": "hands everything through; the base of the others",
    "Recurrent": "the base class",
    "StateCache": "memory for generation; tests/layers/test_recurrent.py",
    "SingleStep": "DecoderOnly.step for one token; tests/models/test_single_step.py",
    "Reading": "EncoderDecoder for generation; tests/models/test_encoder_decoder.py",
    "AttentionMaps": "arrays",
    "PUBLISHED": "names; tests/models/test_published.py",
    "Published": "a name, a config and a source; tests/models/test_published.py",
    "count_parameters": "counts; tests/models/test_counting.py",
    "parameter_table": "counts; tests/models/test_counting.py",
}
