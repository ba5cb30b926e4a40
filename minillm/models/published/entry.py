from dataclasses import dataclass

from minillm.models.config import TransformerConfig
from minillm.models.counting import count_parameters
from minillm.models.decoder_only import DecoderConfig
from minillm.models.encoder_decoder import EncoderDecoderConfig
from minillm.models.encoder_only import EncoderConfig

BRANCHES: dict[type[TransformerConfig], str] = {
    EncoderConfig: "encoder-only",
    EncoderDecoderConfig: "encoder-decoder",
    DecoderConfig: "decoder-only",
}
WEIGHTS = ("open", "on request", "closed")


@dataclass(frozen=True)
class Published:
    """A model that the world knows, as a config of ours.

    `source` says where its shape is printed, `difference` why n_parameters is not the
    number that its authors print, or that no reason is known. `weights` are "open"
    (anybody may fetch them), "on request" or "closed"; `head` is what was counted with
    the encoder (models/counting.py). The config has the parts that decide how many
    parameters there are, and in what form; how the model was trained is not in it.
    """

    name: str
    year: int
    organisation: str
    weights: str
    source: str
    config: TransformerConfig
    difference: str
    head: str | None = None

    @property
    def branch(self) -> str:
        """The branch of the family: encoder-only, encoder-decoder or decoder-only."""
        return BRANCHES[type(self.config)]

    @property
    def n_parameters(self) -> int:
        """Counted by formula from the config."""
        return count_parameters(self.config, self.head)
