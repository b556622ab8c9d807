"""Configurations: TOML tables whose keys are all known, and what is wrong told in a sentence."""

import json
import reprlib
import textwrap
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import numpy as np
import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from deepnic.errors import InputError

LARGEST = 10**6  # bytes of a file of TOML
M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A table of a configuration: unknown keys are refused, values are final.

    A string below a key describes it. Values of NumPy are taken like plain ones, and a single one
    where several are expected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        plain = {
            key: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
            for key, value in values.items()
        }
        for key, field in cls.model_fields.items():
            is_one = isinstance(plain.get(key), Mapping | str | float | int)
            if is_one and get_origin(field.annotation) is tuple:
                plain[key] = (plain[key],)
        return plain


def one_of(names: Collection[str]) -> AfterValidator:
    """Rule of a setting that names a row of a registry, as it is when the setting is read."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"it should be one of {', '.join(names)}")
        return name

    return AfterValidator(check)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of tables; `InputError` where it is missing, or no TOML."""
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"no configuration at {path}; check the path")
    if (size := path.stat().st_size) > LARGEST:
        raise InputError(f"{path} has {size:,} bytes; a configuration has {LARGEST:,} at most")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); mend that") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or tables without end
        raise InputError(f"{path} is not a TOML file ({error}); correct that line") from error


def to_toml(values: Mapping[str, Any]) -> str:
    """Write tables of numbers, words and lists of them as TOML; what is None is left out."""

    def known(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: known(one) for key, one in value.items() if one is not None}
        return [known(one) for one in value] if isinstance(value, list | tuple) else value

    return tomli_w.dumps(known(values))


def commented_toml(settings: BaseModel, name: str = "") -> str:
    """Write all settings as TOML, each below its description; what is None is a comment.

    Examples
    --------
    >>> class Host(Strict):
    ...     cores: int = 3
    ...     name: str | None = None
    >>> print(commented_toml(Host()))
    cores = 3
    # name =
    """
    lines = [f"[{name}]"] if name else []
    tables = []
    for key, field in type(settings).model_fields.items():
        value, path = getattr(settings, key), f"{name}.{key}".lstrip(".")
        if isinstance(value, BaseModel):
            tables.append((path, value))
        elif isinstance(value, dict):
            tables += [(f"{path}.{json.dumps(one)}", table) for one, table in value.items()]
        else:
            words = " ".join((field.description or "").split())
            lines += textwrap.wrap(words, 98, initial_indent="# ", subsequent_indent="# ")
            plain = settings.model_dump(mode="json", include={key})[key]
            is_given = value not in (None, ())
            # of words, numbers and lists of them JSON is TOML
            lines.append(f"{key} = {json.dumps(plain)}" if is_given else f"# {key} =")
    return "\n".join([*lines, *(f"\n{commented_toml(table, path)}" for path, table in tables)])


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """Make a model of values that came from outside.

    Raises
    ------
    InputError
        An unknown key (the sentence names those there are) or a value that is not allowed (it says
        what is).

    Examples
    --------
    >>> class Host(Strict):
    ...     cores: int
    >>> checked(Host, {"core": 3, "cores": 3})
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: unknown key 'core'; choose from cores
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(_sentence(model, error)) from error


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    """Say what is wrong with the first key, and what is allowed."""
    problem = error.errors(include_url=False)[0]
    *tables, key = (str(part) for part in problem["loc"]) if problem["loc"] else ("configuration",)
    place = f" in [{'.'.join(tables)}]" if tables else ""
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}{place}; choose from {', '.join(_keys(model, tables))}"
    if problem["type"] == "missing":
        return f"the key {key!r} is missing{place}; give it a value"
    rule = problem["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not problem["loc"]:
        return rule
    return f"{key} is {reprlib.repr(problem['input'])}{place}, but {rule}"


def _keys(model: type[BaseModel], tables: list[str]) -> list[str]:
    """Names of the keys of a table, found by walking down from the whole configuration."""
    kinds: list[type[BaseModel]] = [model]
    for table in tables:
        if table.isdigit():  # one of several tables of the same kind
            continue
        field = kinds[0].model_fields.get(table)
        if field is None and "kind" not in kinds[0].model_fields:
            continue  # the name of one of several tables of the same kind
        if field is None:  # of a table that comes in several kinds, pydantic tells the kind too
            kinds = [kind for kind in kinds if table in str(kind.model_fields["kind"].annotation)]
        else:
            among: Any = get_args(field.annotation) or (field.annotation,)
            kinds = [
                kind for kind in among if isinstance(kind, type) and issubclass(kind, BaseModel)
            ]
    return list(kinds[0].model_fields)
