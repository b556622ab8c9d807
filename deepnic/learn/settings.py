"""How to train: every key has a range, and what is wrong is told in a sentence."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepnic.errors import InputError

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A table of a configuration: unknown keys are refused, values are final."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(Strict):
    """How to train; the defaults are untuned and the same for every path and filter.

    Examples
    --------
    >>> checked(Settings, {"epochs": 3}).epochs
    3
    """

    network: str = "small"  # small, residual, or module:function
    epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=32, ge=1)  # of all workers together
    learning_rate: float = Field(default=3e-3, gt=0)  # at its highest, after the warm-up
    warm_up: float = Field(default=0.1, ge=0, le=1)  # share of the steps
    weight_decay: float = Field(default=1e-2, ge=0)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    clip: float = Field(default=1.0, gt=0)  # largest norm of the gradient
    class_weights: bool = True  # every class weighs the same in the loss
    validation: float = Field(default=0.0, ge=0, lt=1)  # share of the training items
    patience: int = Field(default=5, ge=1)  # epochs without a better validation loss
    mixed_precision: bool = True  # on GPUs
    compiled: bool = False  # torch.compile
    seed: int = Field(default=0, ge=0)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """Make a model of values that came from outside.

    Raises
    ------
    InputError
        An unknown key (the sentence names those there are) or a value that is not allowed (it says
        what is).

    Examples
    --------
    >>> checked(Settings, {"epoch": 3})
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: unknown key 'epoch'; choose from network, epochs, batch_size, ...
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(_sentence(model, error)) from error


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    """Say what is wrong with the first key, and what is allowed."""
    found = error.errors(include_url=False)[0]
    *tables, key = (str(part) for part in found["loc"]) if found["loc"] else ("configuration",)
    place = f" in [{'.'.join(tables)}]" if tables else ""
    if found["type"] == "extra_forbidden":
        return f"unknown key {key!r}{place}; choose from {', '.join(_keys(model, tables))}"
    if found["type"] == "missing":
        return f"the key {key!r} is missing{place}; give it a value"
    rule = found["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not found["loc"]:
        return rule
    return f"{key} is {found['input']!r}{place}, but {rule}"


def _keys(model: type[BaseModel], tables: list[str]) -> list[str]:
    """Names of the keys of a table, found by walking down from the whole configuration."""
    kinds: list[type[BaseModel]] = [model]
    for table in tables:
        field = kinds[0].model_fields.get(table)
        if field is None:  # of a table that comes in several kinds, pydantic tells the kind too
            kinds = [kind for kind in kinds if table in str(kind.model_fields["kind"].annotation)]
        else:
            among: Any = get_args(field.annotation) or (field.annotation,)
            kinds = [kind for kind in among if _is_table(kind)]
    return list(kinds[0].model_fields)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
