from minillm.models.decoder_only import DecoderConfig
from minillm.models.published.entry import Published


def _gpt2(name: str, d_model: int, n_layers: int, n_heads: int) -> Published:
    return Published(
        name=name,
        year=2019,
        organisation="OpenAI",
        weights="open",
        source="Radford et al. 2019, table 2; heads of 64 as released",
        config=DecoderConfig(
            vocab_size=50_257,
            max_seq_len=1_024,
            d_model=d_model,
            n_layers=n_layers,
            n_heads=n_heads,
            dropout=0.1,
        ),
        difference=(
            "The paper's count is wrong: so its authors say beside the released code. "
            "How it came about is not known."
        ),
    )


def _llama(
    name: str, d_model: int, n_layers: int, n_heads: int, d_ff: int, difference: str
) -> Published:
    return Published(
        name=name,
        year=2023,
        organisation="Meta",
        weights="on request",
        source="Touvron et al. 2023a, table 2 and sec. 2.2; d_ff as released",
        config=_llama_config(2_048, d_model, n_layers, n_heads, n_heads, d_ff),
        difference=difference,
    )


def _llama_config(
    max_seq_len: int, d_model: int, n_layers: int, n_heads: int, n_kv_heads: int, d_ff: int
) -> DecoderConfig:
    return DecoderConfig(
        vocab_size=32_000,
        max_seq_len=max_seq_len,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        positions="rotary",
        vocabulary="untied",
        norm="rms_norm",
        feed_forward="gated",
        activation="silu",
        bias=False,
    )


def _bloom(vocab_size: int, d_model: int, n_heads: int) -> DecoderConfig:
    return DecoderConfig(
        vocab_size=vocab_size,
        max_seq_len=2_048,
        d_model=d_model,
        n_layers=70,
        n_heads=n_heads,
        positions="alibi",
        embed_norm="layer_norm",
    )


DECODERS = [
    Published(
        name="GPT",
        year=2018,
        organisation="OpenAI",
        weights="open",
        source="Radford et al. 2018, sec. 4.1; vocabulary as released",
        config=DecoderConfig(
            vocab_size=40_478,
            max_seq_len=512,
            d_model=768,
            n_layers=12,
            n_heads=12,
            block="post_norm",
            dropout=0.1,
        ),
        difference="Rounding. Post-norm blocks, hence no norm at the end.",
    ),
    _gpt2("GPT-2 small", 768, 12, 12),
    _gpt2("GPT-2 medium", 1024, 24, 16),
    _gpt2("GPT-2 large", 1280, 36, 20),
    _gpt2("GPT-2 XL", 1600, 48, 25),
    Published(
        name="GPT-3",
        year=2020,
        organisation="OpenAI",
        weights="closed",
        source="Brown et al. 2020, table 2.1 and sec. 2.1",
        config=DecoderConfig(
            vocab_size=50_257,
            max_seq_len=2_048,
            d_model=12_288,
            n_layers=96,
            n_heads=96,
        ),
        difference=(
            "Rounding (table D.1). Every other layer's attention is sparse, which our "
            "config does not say and which changes no count."
        ),
    ),
    Published(
        name="BLOOM",
        year=2022,
        organisation="BigScience",
        weights="open",
        source="Le Scao et al. 2022, table 3, secs. 3.2 and 3.3",
        config=_bloom(250_880, 14_336, 112),
        difference="None. The vocabulary is padded so that many devices can share it.",
    ),
    Published(
        name="BloombergGPT",
        year=2023,
        organisation="Bloomberg",
        weights="closed",
        source="Wu et al. 2023, table 4 and sec. 3.1",
        config=_bloom(131_072, 7_680, 40),
        difference="Rounding.",
    ),
    _llama("LLaMA 7B", 4096, 32, 32, 11_008, "Rounding."),
    _llama("LLaMA 13B", 5120, 40, 40, 13_824, "Rounding."),
    _llama("LLaMA 33B", 6656, 60, 52, 17_920, "Rounding."),
    _llama("LLaMA 65B", 8192, 80, 64, 22_016, "Cut off after one digit, not rounded."),
    Published(
        name="Llama 2 70B",
        year=2023,
        organisation="Meta",
        weights="open",
        source="Touvron et al. 2023b, table 1 and sec. 2.2; d_ff as released",
        config=_llama_config(4_096, 8192, 80, 64, 8, 28_672),
        difference="The name is rounded to one digit; the paper prints no other number.",
    ),
]
