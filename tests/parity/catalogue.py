"""Which test compares each operation and layer with which of PyTorch's.

COMPARED names the peer in PyTorch. LACKING has what PyTorch lacks: why it is compared
with something else, or with what else it is. ALONE is compared with nothing, and says why.
`through` is the layer by which a test reaches an equation.
"""

from typing import NamedTuple


class Compared(NamedTuple):
    """`peer` is a dotted name; `test` is a file of this folder and a function in it."""

    peer: str
    test: str
    through: str = ""


class Lacking(NamedTuple):
    """Why PyTorch has no such thing, and with what it is compared instead."""

    why: str
    peer: str
    test: str
    through: str = ""


ACTIVATIONS = "functional::activations_and_softmax"
LINEAR = "functional::linear_with_and_without_bias"
NORMS = "functional::norms"
RECURRENT = "recurrent::a_layer_with_a_first_state"
HEADS = "multi_head::multi_head_cross_attention_with_padding"
ENCODER_LAYER = "layers::blocks_are_transformer_encoder_layers"
DECODER_LAYER = "layers::cross_blocks_are_transformer_decoder_layers"
MASKS = "attention::masks_of_prefixes_and_padding_are_made_by_predicates"
SMALL_NORMS = "parts::layer_norm_and_rms_norm"
IDENTITIES = "parts::without_an_rng_dropout_is_pytorchs_in_use_and_identity_is_identity"
ENDS = "parts::both_ends_of_a_model"
STATES = "steps::recurrent_steps_carry_the_state_that_pytorchs_carry"
CROSS_STEPS = "steps::steps_beside_a_source_are_those_of_bart_and_t5"
ALIBI = "order::alibi_is_blooms_up_to_a_constant_a_row"
BUCKETS = "order::buckets_are_t5s"
BIAS = "order::relative_biases_are_t5s"
ANGLES = "order::the_angles_are_llamas_and_gptjs"
HALVES = "order::rotate_half_is_llamas"
PAIRS = "order::interleaved_pairs_are_gptjs"
SINUSOIDS = "parts::sinusoidal_positions_are_distilberts"
MASK_FUNCTION = "torch.nn.attention.flex_attention.create_mask"
IN_ATTENTION = "a way for attention to know order, which PyTorch leaves to models"

COMPARED = {
    "functional.IGNORED": Compared(
        "torch.nn.functional.cross_entropy", "losses::ignored_is_pytorchs_number"
    ),
    "functional.attention": Compared(
        "torch.nn.functional.scaled_dot_product_attention",
        "attention::attention_with_and_without_a_mask",
    ),
    "functional.attention_weights": Compared(
        "torch.nn.functional.scaled_dot_product_attention",
        "attention::attention_weights_are_what_the_identity_is_averaged_to",
    ),
    "functional.causal_convolution": Compared(
        "torch.nn.Conv1d",
        "recurrent::a_causal_convolution_is_conv1d_padded_on_the_left",
        through="CausalConvolution",
    ),
    "functional.causal_mask": Compared(
        "torch.nn.attention.bias.causal_lower_right",
        "attention::the_causal_mask_is_pytorchs_lower_right_one",
    ),
    "functional.cross_entropy": Compared(
        "torch.nn.functional.cross_entropy", "losses::cross_entropy"
    ),
    "functional.dropout": Compared(
        "torch.nn.functional.dropout", "functional::dropout_of_the_same_features"
    ),
    "functional.elman": Compared("torch.nn.RNN", RECURRENT, through="Elman"),
    "functional.embedding": Compared(
        "torch.nn.functional.embedding", "functional::embedding_of_ids_that_repeat"
    ),
    "functional.erf": Compared("torch.erf", "functional::erf"),
    "functional.gelu": Compared("torch.nn.functional.gelu", ACTIVATIONS),
    "functional.gelu_exact": Compared("torch.nn.functional.gelu", ACTIVATIONS),
    "functional.gru": Compared("torch.nn.GRU", RECURRENT, through="GRU"),
    "functional.hide_padding": Compared(
        "torch.Tensor.masked_fill", "functional::hidden_padding_is_masked_fill"
    ),
    "functional.layer_norm": Compared("torch.nn.functional.layer_norm", NORMS),
    "functional.linear": Compared("torch.nn.functional.linear", LINEAR),
    "functional.log_softmax": Compared("torch.nn.functional.log_softmax", ACTIVATIONS),
    "functional.lstm": Compared(
        "torch.lstm_cell", "recurrent::the_gradient_of_every_c_is_backpropagated"
    ),
    "functional.padding_mask": Compared(MASK_FUNCTION, MASKS),
    "functional.prefix_mask": Compared(MASK_FUNCTION, MASKS),
    "functional.relu": Compared("torch.nn.functional.relu", ACTIVATIONS),
    "functional.rms_norm": Compared("torch.nn.functional.rms_norm", NORMS),
    "functional.silu": Compared("torch.nn.functional.silu", ACTIVATIONS),
    "functional.softmax": Compared("torch.nn.functional.softmax", ACTIVATIONS),
    "functional.tanh": Compared("torch.tanh", ACTIVATIONS),
    "functional.unembed": Compared("torch.nn.functional.linear", LINEAR),
    "layers.CausalConvolution": Compared(
        "torch.nn.Conv1d", "recurrent::a_causal_convolution_is_conv1d_padded_on_the_left"
    ),
    "layers.Dropout": Compared("torch.nn.Dropout", IDENTITIES),
    "layers.Elman": Compared("torch.nn.RNN", RECURRENT),
    "layers.Embedding": Compared(
        "torch.nn.Embedding", "parts::embedding_that_is_read_twice_and_scores_too"
    ),
    "layers.FeedForward": Compared("torch.nn.Sequential", "parts::feed_forward"),
    "layers.GRU": Compared("torch.nn.GRU", RECURRENT),
    "layers.Identity": Compared("torch.nn.Identity", IDENTITIES),
    "layers.LSTM": Compared("torch.nn.LSTM", RECURRENT),
    "layers.LayerNorm": Compared("torch.nn.LayerNorm", SMALL_NORMS),
    "layers.LearnedPositions": Compared(
        "torch.nn.Embedding",
        "parts::learned_positions_are_an_embedding_of_counted_ids",
    ),
    "layers.Linear": Compared("torch.nn.Linear", "parts::linear"),
    "layers.MultiHeadAttention": Compared("torch.nn.MultiheadAttention", HEADS),
    "layers.PostNormBlock": Compared("torch.nn.TransformerEncoderLayer", ENCODER_LAYER),
    "layers.PostNormCrossBlock": Compared(
        "torch.nn.TransformerDecoderLayer", DECODER_LAYER
    ),
    "layers.PreNormBlock": Compared("torch.nn.TransformerEncoderLayer", ENCODER_LAYER),
    "layers.PreNormCrossBlock": Compared("torch.nn.TransformerDecoderLayer", DECODER_LAYER),
    "layers.RMSNorm": Compared("torch.nn.RMSNorm", SMALL_NORMS),
    "layers.Recurrent": Compared("torch.nn.RNNBase", RECURRENT, through="Elman"),
    "layers.StateCache": Compared("torch.nn.RNNBase", STATES),
    "layers.TiedVocabulary": Compared("torch.nn.Embedding", ENDS),
    "layers.UntiedVocabulary": Compared("torch.nn.Embedding", ENDS),
}

LACKING = {
    "functional.alibi_bias": Lacking(IN_ATTENTION, "BLOOM", ALIBI, through="Alibi"),
    "functional.alibi_slopes": Lacking(IN_ATTENTION, "BLOOM", ALIBI),
    "functional.bidirectional_buckets": Lacking(IN_ATTENTION, "T5", BUCKETS),
    "functional.causal_buckets": Lacking(IN_ATTENTION, "T5", BUCKETS),
    "functional.relative_bias": Lacking(
        IN_ATTENTION, "T5", BIAS, through="CausalRelativeBias"
    ),
    "functional.rotary_half": Lacking(IN_ATTENTION, "LLaMA", HALVES, through="RotaryHalf"),
    "functional.rotary_interleaved": Lacking(
        IN_ATTENTION, "GPT-J", PAIRS, through="RotaryInterleaved"
    ),
    "functional.rotary_table": Lacking(IN_ATTENTION, "LLaMA and GPT-J", ANGLES),
    "functional.sinusoidal_positions": Lacking(
        "a table that PyTorch leaves to models", "DistilBERT", SINUSOIDS
    ),
    "layers.Alibi": Lacking(IN_ATTENTION, "BLOOM", ALIBI),
    "layers.BidirectionalRelativeBias": Lacking(IN_ATTENTION, "T5", BIAS),
    "layers.CausalRelativeBias": Lacking(IN_ATTENTION, "T5", BIAS),
    "layers.ConvolutionBlock": Lacking(
        "a residual of three parts that PyTorch has",
        "the same composition of torch.nn's parts",
        "layers::a_convolution_block_is_of_pytorchs_parts",
    ),
    "layers.CrossCache": Lacking(
        "torch.nn's decoder keeps nothing between its calls",
        "the caches of BART and T5",
        CROSS_STEPS,
    ),
    "layers.GatedFeedForward": Lacking(
        "a composition that PyTorch leaves to models",
        "LLaMA's and T5 1.1's",
        "order::swiglu_is_llamas",
    ),
    "layers.KVCache": Lacking(
        "torch.nn's attention keeps nothing between its calls",
        "GPT-2's cache",
        "decoder::steps_through_our_cache_are_gpt2s_steps_through_its_own",
        through="caches",
    ),
    "layers.Memory": Lacking(
        "torch.nn's decoder keeps nothing between its calls",
        "the caches of BART and T5",
        CROSS_STEPS,
    ),
    "layers.RotaryHalf": Lacking(IN_ATTENTION, "LLaMA", HALVES),
    "layers.RotaryInterleaved": Lacking(IN_ATTENTION, "GPT-J", PAIRS),
    "layers.SinusoidalPositions": Lacking(
        "a table that PyTorch leaves to models", "DistilBERT", SINUSOIDS
    ),
}

ALONE = {
    "functional.Draws": "numbers by key: PyTorch's generators draw others, in turn",
    "functional.Uniform": "what dropout asks of its rng, and no operation",
    "layers.Buffer": "an array with a name; parity tests move it wherever there is a table",
    "layers.Module": "names parameters; every parity test of a layer reads them",
    "layers.NoOrder": "does nothing, in the attention of every test that has no order",
    "layers.NoPositions": "adds 0: LLaMA's, BLOOM's and T5's parity tests have it",
    "layers.Parameter": "an array with a gradient; every parity test of a layer reads both",
}

CACHE_OF_GPT2 = LACKING["layers.KVCache"].test
IN_ONE_DTYPE = [
    "losses::ignored_is_pytorchs_number",
    "attention::the_causal_mask_is_pytorchs_lower_right_one",
    MASKS, SINUSOIDS, ALIBI, BUCKETS, ANGLES, STATES, CROSS_STEPS, CACHE_OF_GPT2,
]  # fmt: skip
