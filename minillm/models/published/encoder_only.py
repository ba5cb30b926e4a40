from minillm.models.encoder_only import EncoderConfig
from minillm.models.published.entry import Published


def _bert(d_model: int, n_layers: int, n_heads: int) -> EncoderConfig:
    return EncoderConfig(
        vocab_size=30_522,
        max_seq_len=512,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_segments=2,
        dropout=0.1,
    )


def _roberta(d_model: int, n_layers: int, n_heads: int) -> EncoderConfig:
    return EncoderConfig(
        vocab_size=50_265,
        max_seq_len=514,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_segments=1,
        dropout=0.1,
    )


_ROBERTA_DIFFERENCE = (
    "Rounding. As the released weights have it: 514 positions, of which the first two "
    "belong to padding and are not used, one segment, a pooler."
)

ENCODERS = [
    Published(
        name="BERT base",
        year=2018,
        organisation="Google",
        weights="open",
        source="Devlin et al. 2019, sec. 3; vocabulary of the released uncased model",
        config=_bert(768, 12, 12),
        head="pooler",
        difference="Rounding to two digits. The pooler is counted.",
    ),
    Published(
        name="BERT large",
        year=2018,
        organisation="Google",
        weights="open",
        source="Devlin et al. 2019, sec. 3; vocabulary of the released uncased model",
        config=_bert(1024, 24, 16),
        head="pooler",
        difference=(
            "Not known. Rounding to two digits, which fits the base model, would make "
            "it; the authors do not say so."
        ),
    ),
    Published(
        name="RoBERTa base",
        year=2019,
        organisation="Facebook, University of Washington",
        weights="open",
        source="Liu et al. 2019, table 9; vocabulary and positions as released",
        config=_roberta(768, 12, 12),
        head="pooler",
        difference=_ROBERTA_DIFFERENCE,
    ),
    Published(
        name="RoBERTa large",
        year=2019,
        organisation="Facebook, University of Washington",
        weights="open",
        source="Liu et al. 2019, table 9; vocabulary and positions as released",
        config=_roberta(1024, 24, 16),
        head="pooler",
        difference=_ROBERTA_DIFFERENCE,
    ),
    Published(
        name="DistilBERT",
        year=2019,
        organisation="Hugging Face",
        weights="open",
        source="Sanh et al. 2019, sec. 3 and table 3",
        config=EncoderConfig(
            vocab_size=30_522,
            max_seq_len=512,
            d_model=768,
            n_layers=6,
            n_heads=12,
            dropout=0.1,
        ),
        difference="Rounding. It has neither segments nor a pooler (sec. 3).",
    ),
]
