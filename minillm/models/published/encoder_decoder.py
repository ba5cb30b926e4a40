from minillm.models.encoder_decoder import EncoderDecoderConfig
from minillm.models.published.entry import Published


def _transformer(d_model: int, n_heads: int, dropout: float) -> EncoderDecoderConfig:
    return EncoderDecoderConfig(
        vocab_size=37_000,
        max_seq_len=512,
        d_model=d_model,
        n_layers=6,
        n_heads=n_heads,
        dropout=dropout,
    )


def _t5(d_model: int, n_layers: int, n_heads: int) -> EncoderDecoderConfig:
    return EncoderDecoderConfig(
        vocab_size=32_128,
        max_seq_len=512,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        positions="relative",
        block="pre_norm",
        norm="rms_norm",
        bias=False,
        dropout=0.1,
    )


def _flan_t5(d_model: int, n_layers: int, n_heads: int, d_ff: int) -> EncoderDecoderConfig:
    return EncoderDecoderConfig(
        vocab_size=32_128,
        max_seq_len=512,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        d_head=64,
        d_ff=d_ff,
        positions="relative",
        vocabulary="untied",
        block="pre_norm",
        norm="rms_norm",
        feed_forward="gated",
        activation="gelu",
        bias=False,
        dropout=0.1,
    )


_TRANSFORMER_DIFFERENCE = (
    "Not known. The paper gives the shared vocabulary as about 37000. Our attention has "
    "biases, which its equations have not: 4 d_model in each of 18 attentions. The paper "
    "points to its code, not to weights."
)
_FLAN_DIFFERENCE = (
    "Rounding. The shape is T5 1.1's: gated, with an output layer of its own. Programs "
    "that tie that layer to the embedding show fewer."
)

ENCODER_DECODERS = [
    Published(
        name="Transformer base",
        year=2017,
        organisation="Google",
        weights="closed",
        source="Vaswani et al. 2017, table 3 and sec. 5.1",
        config=_transformer(512, 8, 0.1),
        difference=_TRANSFORMER_DIFFERENCE,
    ),
    Published(
        name="Transformer big",
        year=2017,
        organisation="Google",
        weights="closed",
        source="Vaswani et al. 2017, table 3 and sec. 5.1",
        config=_transformer(1024, 16, 0.3),
        difference=_TRANSFORMER_DIFFERENCE,
    ),
    Published(
        name="T5 small",
        year=2019,
        organisation="Google",
        weights="open",
        source="Raffel et al. 2020, sec. 3.7; vocabulary as released",
        config=_t5(512, 6, 8),
        difference="Rounding to one digit.",
    ),
    Published(
        name="T5 base",
        year=2019,
        organisation="Google",
        weights="open",
        source="Raffel et al. 2020, sec. 3.1.1; vocabulary as released",
        config=_t5(768, 12, 12),
        difference="Rounding to two digits.",
    ),
    Published(
        name="BART base",
        year=2019,
        organisation="Facebook",
        weights="open",
        source="Lewis et al. 2020, sec. 2.1; width, vocabulary and positions as released",
        config=EncoderDecoderConfig(
            vocab_size=50_265,
            max_seq_len=1_026,
            d_model=768,
            n_layers=6,
            n_heads=12,
            positions="learned",
            embed_norm="layer_norm",
            activation="gelu_exact",
            dropout=0.1,
        ),
        difference=(
            "The authors' code pads the vocabulary to 51,201 rows; the released weights "
            "hold 50,265. Of 1,026 positions the first two are not used."
        ),
    ),
    Published(
        name="FLAN-T5 small",
        year=2022,
        organisation="Google",
        weights="open",
        source="Chung et al. 2022, table 2; shape of the released T5 1.1 small",
        config=_flan_t5(512, 8, 6, 1024),
        difference=_FLAN_DIFFERENCE,
    ),
    Published(
        name="FLAN-T5 base",
        year=2022,
        organisation="Google",
        weights="open",
        source="Chung et al. 2022, table 2; shape of the released T5 1.1 base",
        config=_flan_t5(768, 12, 12, 2048),
        difference=_FLAN_DIFFERENCE,
    ),
]
