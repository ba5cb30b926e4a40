"""The published models' shapes give their published sizes, or we say why not."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.models import (
    PUBLISHED,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
    count_parameters,
    parameter_table,
)
from minillm.models.published.entry import WEIGHTS
from tests.strategies import examples, rngs

# Exact totals: those of the released weights where there are any, else of the arithmetic.
EXACT = {
    "Transformer base": 63_082_496,
    "Transformer big": 214_245_376,
    "BERT base": 109_482_240,
    "BERT large": 335_141_888,
    "GPT": 116_534_784,
    "T5 small": 60_506_624,
    "T5 base": 222_903_552,
    "BART base": 139_420_416,
    "RoBERTa base": 124_645_632,
    "RoBERTa large": 355_359_744,
    "DistilBERT": 66_362_880,
    "GPT-2 small": 124_439_808,
    "GPT-2 medium": 354_823_168,
    "GPT-2 large": 774_030_080,
    "GPT-2 XL": 1_557_611_200,
    "GPT-3": 174_604_259_328,
    "FLAN-T5 small": 76_961_152,
    "FLAN-T5 base": 247_577_856,
    "BLOOM": 176_247_271_424,
    "BloombergGPT": 50_558_868_480,
    "LLaMA 7B": 6_738_415_616,
    "LLaMA 13B": 13_015_864_320,
    "LLaMA 33B": 32_528_943_616,
    "LLaMA 65B": 65_285_660_672,
    "Llama 2 70B": 68_976_648_192,
}

# What the authors print, and to how many digits that is our count rounded.
ROUNDED = {
    "BERT base": (110e6, 2),
    "BERT large": (340e6, 2),
    "GPT": (117e6, 3),
    "T5 small": (60e6, 1),
    "T5 base": (220e6, 2),
    "BART base": (140e6, 2),
    "RoBERTa base": (125e6, 3),
    "RoBERTa large": (355e6, 3),
    "DistilBERT": (66e6, 2),
    "GPT-3": (174_600e6, 4),
    "FLAN-T5 small": (80e6, 1),
    "FLAN-T5 base": (250e6, 2),
    "BLOOM": (176_247e6, 6),
    "BloombergGPT": (50.6e9, 3),
    "LLaMA 7B": (6.7e9, 2),
    "LLaMA 13B": (13.0e9, 3),
    "LLaMA 33B": (32.5e9, 3),
    "Llama 2 70B": (70e9, 1),
}
# What rounding does not explain: the printed number, and our count less it, in percent.
OTHER = {
    "Transformer base": (65e6, -2.95),
    "Transformer big": (213e6, 0.58),
    "GPT-2 small": (117e6, 6.36),
    "GPT-2 medium": (345e6, 2.85),
    "GPT-2 large": (762e6, 1.58),
    "GPT-2 XL": (1542e6, 1.01),
    "LLaMA 65B": (65.2e9, 0.13),
}


# The papers' own shapes: year, V, longest, d, L, heads, key-value heads, d_head, d_ff,
# dropout. What a paper leaves out stands as the weights were released.
SHAPES = {
    "Transformer base": (2017, 37_000, 512, 512, 6, 8, 8, 64, 2_048, 0.1),
    "Transformer big": (2017, 37_000, 512, 1_024, 6, 16, 16, 64, 4_096, 0.3),
    "BERT base": (2018, 30_522, 512, 768, 12, 12, 12, 64, 3_072, 0.1),
    "BERT large": (2018, 30_522, 512, 1_024, 24, 16, 16, 64, 4_096, 0.1),
    "GPT": (2018, 40_478, 512, 768, 12, 12, 12, 64, 3_072, 0.1),
    "T5 small": (2019, 32_128, 512, 512, 6, 8, 8, 64, 2_048, 0.1),
    "T5 base": (2019, 32_128, 512, 768, 12, 12, 12, 64, 3_072, 0.1),
    "BART base": (2019, 50_265, 1_026, 768, 6, 12, 12, 64, 3_072, 0.1),
    "RoBERTa base": (2019, 50_265, 514, 768, 12, 12, 12, 64, 3_072, 0.1),
    "RoBERTa large": (2019, 50_265, 514, 1_024, 24, 16, 16, 64, 4_096, 0.1),
    "DistilBERT": (2019, 30_522, 512, 768, 6, 12, 12, 64, 3_072, 0.1),
    "GPT-2 small": (2019, 50_257, 1_024, 768, 12, 12, 12, 64, 3_072, 0.1),
    "GPT-2 medium": (2019, 50_257, 1_024, 1_024, 24, 16, 16, 64, 4_096, 0.1),
    "GPT-2 large": (2019, 50_257, 1_024, 1_280, 36, 20, 20, 64, 5_120, 0.1),
    "GPT-2 XL": (2019, 50_257, 1_024, 1_600, 48, 25, 25, 64, 6_400, 0.1),
    "GPT-3": (2020, 50_257, 2_048, 12_288, 96, 96, 96, 128, 49_152, 0.0),
    "FLAN-T5 small": (2022, 32_128, 512, 512, 8, 6, 6, 64, 1_024, 0.1),
    "FLAN-T5 base": (2022, 32_128, 512, 768, 12, 12, 12, 64, 2_048, 0.1),
    "BLOOM": (2022, 250_880, 2_048, 14_336, 70, 112, 112, 128, 57_344, 0.0),
    "BloombergGPT": (2023, 131_072, 2_048, 7_680, 70, 40, 40, 192, 30_720, 0.0),
    "LLaMA 7B": (2023, 32_000, 2_048, 4_096, 32, 32, 32, 128, 11_008, 0.0),
    "LLaMA 13B": (2023, 32_000, 2_048, 5_120, 40, 40, 40, 128, 13_824, 0.0),
    "LLaMA 33B": (2023, 32_000, 2_048, 6_656, 60, 52, 52, 128, 17_920, 0.0),
    "LLaMA 65B": (2023, 32_000, 2_048, 8_192, 80, 64, 64, 128, 22_016, 0.0),
    "Llama 2 70B": (2023, 32_000, 4_096, 8_192, 80, 64, 8, 128, 28_672, 0.0),
}

# block, norm, positions, feed-forward, activation, vocabulary, norm of the embedding, bias
BERT = (
    "post_norm",
    "layer_norm",
    "learned",
    "plain",
    "gelu_exact",
    "tied",
    "layer_norm",
    1,
)
GPT = ("pre_norm", "layer_norm", "learned", "plain", "gelu", "tied", "none", 1)
PARTS = {
    "Transformer": (
        *("post_norm", "layer_norm", "sinusoidal", "plain", "relu", "tied", "none", 1),
    ),
    "BERT": BERT,
    "RoBERTa": BERT,
    "DistilBERT": BERT,
    "BART": BERT,
    "GPT": ("post_norm", *GPT[1:]),
    "GPT-2": GPT,
    "GPT-3": GPT,
    "T5": ("pre_norm", "rms_norm", "relative", "plain", "relu", "tied", "none", 0),
    "FLAN-T5": ("pre_norm", "rms_norm", "relative", "gated", "gelu", "untied", "none", 0),
    "BLOOM": (*GPT[:2], "alibi", "plain", "gelu", "tied", "layer_norm", 1),
    "BloombergGPT": (*GPT[:2], "alibi", "plain", "gelu", "tied", "layer_norm", 1),
    "LLaMA": ("pre_norm", "rms_norm", "rotary", "gated", "silu", "untied", "none", 0),
    "Llama": ("pre_norm", "rms_norm", "rotary", "gated", "silu", "untied", "none", 0),
}
BRANCHES = dict.fromkeys(["BERT", "RoBERTa", "DistilBERT"], "encoder-only")
BRANCHES |= dict.fromkeys(["Transformer", "T5", "BART", "FLAN-T5"], "encoder-decoder")
SEGMENTS = {"BERT": 2, "RoBERTa": 1}  # the other encoder, DistilBERT, has none


def rounded(n, digits):
    return round(n, digits - 1 - math.floor(math.log10(n)))


def test_every_published_model_is_checked():
    assert set(PUBLISHED) == set(EXACT) == set(ROUNDED) | set(OTHER) == set(SHAPES)
    assert not set(ROUNDED) & set(OTHER)


@pytest.mark.parametrize("name", SHAPES)
def test_its_shape_is_the_paper_s_and_gives_the_exact_number(name):
    model, config = PUBLISHED[name], PUBLISHED[name].config
    shape = (config.vocab_size, config.max_seq_len, config.d_model, config.n_layers)
    heads = (config.n_heads, config.n_kv_heads or config.n_heads, config.head_width)
    found = (model.year, *shape, *heads, config.ffn_width, config.dropout)
    assert model.name == name and found == SHAPES[name]
    assert model.n_parameters == count_parameters(config, model.head) == EXACT[name]


@pytest.mark.parametrize("name", SHAPES)
def test_its_parts_are_the_paper_s(name):
    model, family = PUBLISHED[name], name.partition(" ")[0]
    config = model.config
    assert PARTS[family] == (
        *(config.block, config.norm, config.positions, config.feed_forward),
        *(config.activation, config.vocabulary, config.embed_norm, config.bias),
    )
    assert getattr(config, "n_segments", 0) == SEGMENTS.get(family, 0)
    assert getattr(config, "n_encoder_layers", None) is None
    assert model.branch == BRANCHES.get(family, "decoder-only")


KINDS = {
    EncoderConfig: EncoderOnly,
    DecoderConfig: DecoderOnly,
    EncoderDecoderConfig: EncoderDecoder,
}
models = st.sampled_from(sorted(PUBLISHED))
decoders = [name for name in PUBLISHED if type(PUBLISHED[name].config) is DecoderConfig]


@examples(50)
@given(rngs, models, st.integers(1, 9), st.integers(1, 9), st.integers(1, 2))
def test_a_published_model_made_small_holds_what_its_shape_says(rng, name, V, seq_len, L):
    """The same parts with other sizes: one d_ff, its own d_head, or its own kv-heads."""
    whole = PUBLISHED[name].config
    sizes = {"vocab_size": V, "max_seq_len": seq_len, "n_layers": L, "d_model": 8}
    sizes |= {"n_heads": 4, "d_head": whole.d_head and 2, "d_ff": whole.d_ff and 5}
    grouped = whole.n_kv_heads not in (None, whole.n_heads)
    config = dataclasses.replace(whole, **sizes, n_kv_heads=2 if grouped else None)
    small = dataclasses.replace(PUBLISHED[name], config=config, head=None)
    assert small.n_parameters == KINDS[type(config)](config, rng=rng).n_parameters()


@examples(100)
@given(models)
def test_it_is_the_number_that_is_known_to_the_digits_that_are_printed(name):
    model = PUBLISHED[name]
    assert model.n_parameters == EXACT[name]
    if name in ROUNDED:
        printed, digits = ROUNDED[name]
        assert rounded(model.n_parameters, digits) == printed


@examples(100)
@given(st.sampled_from(decoders))
def test_the_blocks_of_a_published_decoder_hold_kaplans_sum(name):
    """2 d n_layers (2 d_attn + d_ff), and 12 n_layers d^2 for GPTs (Kaplan et al. 2020,
    eq. 2.1), biases apart; grouped heads and gates change its terms."""
    config = PUBLISHED[name].config
    d, d_ff, L = config.d_model, config.ffn_width, config.n_layers
    table = parameter_table(config)
    kv_heads = config.n_kv_heads or config.n_heads
    d_attn = config.n_heads * config.head_width
    d_kv = kv_heads * config.head_width
    ways = 3 if config.feed_forward == "gated" else 2
    weights = L * d * (2 * d_attn + 2 * d_kv + ways * d_ff)
    biases = L * (d_attn + 2 * d_kv + d + (ways - 1) * d_ff + d) * config.bias
    assert table["attention"] + table["feed-forward"] == weights + biases
    if kv_heads == config.n_heads and ways == 2:
        assert weights == 2 * d * L * (2 * d_attn + d_ff) == 12 * L * d * d


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_it_is_the_number_that_the_authors_print(name):
    printed, digits = ROUNDED[name]
    assert rounded(PUBLISHED[name].n_parameters, digits) == printed


@pytest.mark.parametrize("name", OTHER)
def test_what_rounding_does_not_explain_is_as_large_as_we_know_and_has_its_words(name):
    printed, percent = OTHER[name]
    model = PUBLISHED[name]
    difference = 100 * (model.n_parameters / printed - 1)
    assert abs(difference - percent) < 0.005
    assert not model.difference.startswith("Rounding")


def test_llama_65b_is_cut_off_where_it_should_be_rounded():
    assert math.floor(PUBLISHED["LLaMA 65B"].n_parameters / 1e8) == 652


@pytest.mark.parametrize(("name", "without"), [("base", 63_045_632), ("big", 214_171_648)])
def test_the_transformer_s_biases_of_attention_are_the_stated_difference(name, without):
    model = PUBLISHED[f"Transformer {name}"]
    n_attentions = 6 + 6 + 6  # the encoder's, the decoder's, and between them
    biases = n_attentions * 4 * model.config.d_model
    assert model.n_parameters - biases == without


def test_bart_s_padded_vocabulary_makes_the_printed_number_to_three_digits():
    model = PUBLISHED["BART base"]
    padding = (51_201 - model.config.vocab_size) * model.config.d_model
    assert rounded(model.n_parameters, 3) == 139e6
    assert rounded(model.n_parameters + padding, 3) == 140e6


def test_bert_s_other_counts_are_those_of_its_released_parts():
    base, large = PUBLISHED["BERT base"].config, PUBLISHED["BERT large"].config
    assert count_parameters(base) == 108_891_648
    assert count_parameters(base, "masked") == 109_514_298
    next_sentence = 2 * large.d_model + 2  # BERT's second pretraining task, not ours
    pooler = count_parameters(large, "pooler") - count_parameters(large)
    assert count_parameters(large, "masked") + pooler + next_sentence == 336_226_108
    assert count_parameters(PUBLISHED["DistilBERT"].config, "masked") == 66_985_530


def test_distilbert_is_half_of_bert_without_segments_and_pooler():
    bert, distilled = PUBLISHED["BERT base"], PUBLISHED["DistilBERT"]
    d = bert.config.d_model
    whole_layers = bert.n_parameters - distilled.n_parameters - 2 * d - (d * d + d)
    assert whole_layers == 6 * (12 * d * d + 13 * d)


def test_each_has_its_source_its_words_and_its_year_in_order():
    years = [model.year for model in PUBLISHED.values()]
    assert years == sorted(years)
    for model in PUBLISHED.values():
        assert " et al. " in model.source and model.organisation
        assert model.weights in WEIGHTS
        assert model.difference.endswith(".")
    branches = {model.branch for model in PUBLISHED.values()}
    assert branches == {"encoder-only", "encoder-decoder", "decoder-only"}
