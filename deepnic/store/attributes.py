"""What a store says of itself, under a schema: a forest's parameters, a table's account."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deepnic.rop.draws import n_trees_of_draw
from deepnic.variables import MOST_TREES


class Forest(BaseModel):
    """Attributes of a forest that anything is computed from; see `deepnic.grow_forest`."""

    model_config = ConfigDict(strict=True)

    n_trees: int = Field(ge=1, le=MOST_TREES)
    weight_ranges: list[int] = Field(min_length=1)
    tree_sizes: list[int] = Field(min_length=1)
    subsample: float = Field(gt=0, le=1)
    design: Literal["balanced", "stratified"]
    seed: int = Field(ge=0, lt=2**64)
    n_genes: int = Field(ge=1)
    max_bag: int | None = Field(default=None, ge=1)
    bags: Literal["groups"] | None = None
    positive: str


class Stage(BaseModel):
    """A stage of the filter in a table's account."""

    model_config = ConfigDict(strict=True)

    stage: str
    kept: int = Field(ge=0)
    removed: dict[str, int]


class Table(BaseModel):
    """Attributes of a pixel table that anything is read from; those who made one may leave some."""

    account: list[Stage] | None = None
    positive: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_json(cls, attrs: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(attrs)
        if "account" in given:
            given["account"] = json.loads(given["account"])
        return given


SCHEMAS: dict[str, type[BaseModel]] = {"forest": Forest, "table": Table}


def check_attributes(dataset: xr.Dataset, kind: str) -> None:
    """Raise `ValueError` where a Dataset of a kind does not say what it must, or not so."""
    if kind not in SCHEMAS:
        return
    try:
        attrs = SCHEMAS[kind].model_validate(dataset.attrs)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "its attributes"
        raise ValueError(f"attribute {place}: {first['msg']}") from error
    if isinstance(attrs, Forest):
        _check_sizes(dataset, attrs)


def _check_sizes(forest: xr.Dataset, attrs: Forest) -> None:
    """Compare what a forest says with what it holds."""
    most = max(n_trees_of_draw(attrs.design, attrs.n_genes, V) for V in attrs.tree_sizes)
    stated: dict[str, object] = {
        "tree_size": attrs.tree_sizes,
        "weight_range": attrs.weight_ranges,
        "draw": attrs.n_trees,
        "tree": most,
        "slot": max(attrs.tree_sizes),
    }
    for name, wanted in stated.items():
        held = forest[name].values.tolist() if isinstance(wanted, list) else forest.sizes[name]
        if held != wanted:
            raise ValueError(f"its attributes say {name} {wanted}, and it holds {held}")
