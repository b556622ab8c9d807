"""What a network is pretrained on, in one TOML file."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from deepnic.config import Strict
from deepnic.learn.settings import ALL
from deepnic.study.settings import CohortFile, Forest


def _check_range(values: tuple[Any, Any]) -> tuple[Any, Any]:
    if not 0 < values[0] <= values[1]:
        raise ValueError("a range has a least and a largest value, above 0")
    return values


Range = Annotated[tuple[float, float], AfterValidator(_check_range)]
Count = Annotated[tuple[int, int], AfterValidator(_check_range)]
Share = Annotated[float, Field(ge=0, le=1)]


class Prior(Strict):
    """How a simulated cohort is drawn; see `deepnic.pretrain.simulate.simulate_cohort`.

    Numbers are drawn between the two of a range, evenly in their logarithms.
    """

    observations: Count = (15, 200)
    """Observations of known state."""
    genes: Count = (500, 5000)
    """Genes, drawn from those of the source."""
    sick: Range = (0.2, 0.8)
    """Share of state 1."""
    own: Range = (0.3, 0.9)
    """How much of the variance of an observation is that of one of the source."""
    null: Share = 0.1
    """Share of the cohorts in which nothing differs between the states."""
    affected: Range = (0.001, 0.2)
    """Share of the genes that differ."""
    effect: Range = (0.2, 2.5)
    """By how much they differ, in standard deviations of a gene."""
    together: Share = 0.5
    """Share of the cohorts in which genes that go together differ together."""
    penetrance: Range = (0.5, 1.0)
    """Share of those of state 1 that differ."""
    grouped: Share = 0.2
    """Share of the cohorts with two observations of a patient."""


class PretrainSettings(Strict):
    """Parameters of a pretraining; the defaults take an hour on two cores.

    Each is explained by `deepnic pretrain --init pretrain.toml`, which writes them with their
    defaults.

    Examples
    --------
    >>> PretrainSettings(cohorts={"mine": {"file": "mine.csv"}}, real=0.0).simulated
    300
    """

    simulated: int = Field(default=300, ge=1)
    """Cohorts to learn from, each of one of the cohorts named below."""
    real: Share = 0.3
    """Share of them that are the cohort itself with its own states; 0 reads no state at all."""
    shown: int = Field(default=48, ge=2)
    """Observations of each that the network learns from, apart from those that grow its trees."""
    pixels: int = Field(default=256, ge=4)
    """Pixels kept at most by relevance."""
    epochs: int = Field(default=10, ge=1)
    """Of each network."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of all that is drawn."""
    prior: Prior = Prior()
    """How a simulated cohort is drawn."""
    forest: Forest = Forest()
    """The forest of a cohort, as of a study."""
    cohorts: dict[str, CohortFile] = Field(default={})
    """The cohorts whose expression is simulated, by name."""

    @model_validator(mode="after")
    def _some_cohorts(self) -> "PretrainSettings":
        if not self.cohorts:
            raise ValueError("no cohort is named; name those to learn from under [cohorts.NAME]")
        if ALL in self.cohorts:
            raise ValueError(f'a cohort is named "{ALL}", as the network of all is; name it apart')
        return self
