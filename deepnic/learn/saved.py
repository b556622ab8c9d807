"""Files of a checkpoint: tensors, numbers, words, lists and dicts, with a digest of all of them.

Reading one runs no code of it, and believes nothing of it before the digest and the form are right.
A digest of the whole file ends it, so that no byte can change unnoticed.
Those of version 0.1.0 have no digest; the sums of their zip file are compared, as those of all are.
"""

import hashlib
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NotRequired

import torch
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from deepnic.errors import InputError
from deepnic.files import is_refusal, whole

DIGEST, SEALED = "sha256", "sealed"
NETWORKS_OF_CLASSES = "one_vs_rest"
"""Part of a checkpoint of more than two classes: a list, of the parts of each class's network."""
SEAL = 64  # characters of the digest of the whole file, which ends it


class Layout(TypedDict):
    """Variables, with their dimensions, and attributes of a canvas without its items."""

    variables: dict[str, tuple[list[str], torch.Tensor | list[str]]]
    attrs: dict[str, str | int | float]


@with_config(ConfigDict(arbitrary_types_allowed=True, strict=True))
class About(TypedDict):
    """What a checkpoint says of its network beside the weights; plain types and tensors only."""

    network: str
    classes: list[str]
    layout: Layout
    kind: str  # of the canvas, see `Predictor`
    channels: int
    origin: NotRequired[str]  # what the trees behind its images were grown on
    origins: NotRequired[list[str]]  # of each pipeline, where there are several


def save_checkpoint(path: Path, **parts: Any) -> None:
    """Write tensors, numbers, lists and dicts only, so that `weights_only=True` reads them back."""
    packed = BytesIO()  # a full disk would bring an error of torch's own kind
    torch.save(parts | {DIGEST: _digest(parts), SEALED: True}, packed)
    # the comment that ends a zip file, of which torch leaves a length of 0
    content = packed.getvalue()[:-2] + SEAL.to_bytes(2, "little")
    with whole(path) as partial:
        partial.write_bytes(content + _seal(content))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote.

    An `InputError` tells of a file that is damaged, something else, or too large to be read.
    """
    try:
        _check_zip(path)
        saved = torch.load(path, weights_only=True, map_location="cpu")
        content = path.read_bytes()
        if saved.pop(SEALED, False) and content[-SEAL:] != _seal(content[:-SEAL]):
            raise ValueError("some byte is another, be it one that torch does not read")
        recorded = saved.pop(DIGEST, None)
        if recorded is not None and recorded != _digest(saved):
            raise ValueError("its digest is another")
    except Exception as error:  # torch, zipfile and pickle raise many kinds
        if is_refusal(error):
            raise
        raise InputError(
            f"{path} is not a checkpoint of deepnic, or is damaged; give the checkpoint.pt of a "
            "run's folder, or train that run again with resume=True"
        ) from error
    return saved


def check_about(about: Any) -> About:
    """Validate what a checkpoint says of its network; a ValueError tells what is wrong."""
    return TypeAdapter(About).validate_python(about)


def check_weights(weights: Any, wanted: Mapping[str, torch.Tensor]) -> None:
    """Have finite weights of the names, shapes and types of a network; else a ValueError."""
    given = {name: (tuple(value.shape), value.dtype) for name, value in weights.items()}
    if given != {name: (tuple(value.shape), value.dtype) for name, value in wanted.items()}:
        raise ValueError("names, shapes or types differ")
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise ValueError("they are not finite numbers")


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _check_zip(path: Path) -> None:
    """Compare the sums of a zip file, once it promises no more than it holds."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        is_packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
        if is_packed or sum(part.file_size for part in parts) > path.stat().st_size:
            raise ValueError("it promises more than it holds")
        if (part := archive.testzip()) is not None:
            raise ValueError(f"the sum of {part} is another")


def _digest(value: Any) -> str:
    """SHA-256 of all values, their types, names and order."""
    sums = hashlib.sha256()

    def add(one: Any) -> None:
        sums.update(f"{type(one).__name__}:".encode())
        match one:
            case torch.Tensor():
                values = one.detach().cpu()
                if values.numel() * values.element_size() > values.untyped_storage().nbytes():
                    raise ValueError("a tensor promises more than it holds")
                sums.update(f"{values.dtype}{tuple(values.shape)}".encode())
                sums.update(values.contiguous().flatten().view(torch.uint8).numpy().data)
            case dict():
                sums.update(f"{len(one)}".encode())
                for name, inner in one.items():
                    add(name)
                    add(inner)
            case list() | tuple():
                sums.update(f"{len(one)}".encode())
                for inner in one:
                    add(inner)
            case _:
                sums.update(f"{one!r};".encode())

    add(dict(value))
    return sums.hexdigest()
