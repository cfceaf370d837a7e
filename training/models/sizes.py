"""How large the tutorial's models are; all of the defaults are the tutorial's."""

from __future__ import annotations

from dataclasses import dataclass

from ..learning.options import option

MLP_AND_LSTM = "Sizes of mlp and lstm"


@dataclass(frozen=True, kw_only=True)
class MlpSizes:
    """The dense layers that both models end with."""

    units: int = option(1024, "Units of each dense layer.", MLP_AND_LSTM, at_least=1)
    hidden: int = option(3, "How many dense layers.", MLP_AND_LSTM, at_least=1)
    dropout: float = option(
        0.5, "Dropout between dense layers, 0 to 0.95.", MLP_AND_LSTM, at_least=0, at_most=0.95
    )


@dataclass(frozen=True, kw_only=True)
class LstmSizes(MlpSizes):
    """Those, and the layers that read the question."""

    lstm_units: int = option(512, "For lstm: units of each recurrent layer.", MLP_AND_LSTM, at_least=1)
    lstm_layers: int = option(3, "For lstm: how many recurrent layers.", MLP_AND_LSTM, at_least=1)
