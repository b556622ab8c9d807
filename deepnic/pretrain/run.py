"""From cohorts to the file of pretrained networks."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import dask
import xarray as xr

from deepnic.cohort import filled
from deepnic.compute import compute
from deepnic.config import checked
from deepnic.errors import InputError
from deepnic.extras import needs
from deepnic.files import as_path, check_new, locked, make_folder, read_json, write_json
from deepnic.pretrain.images import Shown, join_shown, show
from deepnic.pretrain.settings import PretrainSettings
from deepnic.study.provenance import facts_of, now

if TYPE_CHECKING:
    from deepnic.learn.pretrained import Weights

_one_at_a_time = Lock()  # torch's random numbers are the process's

COHORTS = "cohorts"
"""Folder of what was drawn and shown, one file a cohort."""

NETWORKS = "pretrained.pt"
"""File of the networks."""

CARD = "pretrained.json"
"""File that says what the networks saw."""


def pretrain(
    cohorts: Mapping[str, xr.Dataset],
    output: str | os.PathLike[str],
    settings: PretrainSettings | Mapping[str, Any],
) -> Path:
    """Train a network on images of many cohorts, which serves others (ours).

    Images of patients carry no names of genes, so that one network can read those of any cohort. It
    is trained on observations that the trees behind their images had not seen, of cohorts that are
    simulated (`deepnic.pretrain.simulate`) or real. Beside the network of all there is one without
    each source, for who asks about that source itself.

    What was interrupted goes on where it stopped.

    Parameters
    ----------
    cohorts : mapping of name to Dataset
        The sources, from `read_cohort`.
    output : path
        Folder to write.
    settings : PretrainSettings or mapping

    Returns
    -------
    Path
        Of the file of the networks, for `deepnic.learn.pretrained.Pretrained.read`.

    Raises
    ------
    InputError
        A parameter out of its range, fewer than two different sources, or something else in the
        folder.
    """
    needs("train")
    if not isinstance(settings, PretrainSettings):
        settings = checked(PretrainSettings, settings)
    output = as_path(output)
    with locked(output):
        return _run({name: filled(one) for name, one in cohorts.items()}, output, settings)


def _run(cohorts: Mapping[str, xr.Dataset], output: Path, settings: PretrainSettings) -> Path:
    from deepnic.learn.pretrained import ALL, Pretrained, profiles  # loads torch where it is used

    facts = facts_of(cohorts, settings, output)
    del facts["settings"]["cohorts"]  # where files lie is nobody's concern
    names = [*cohorts]
    known = {name: profiles(cohort) for name, cohort in cohorts.items()}
    # sources that share an observation are left out together
    alike = {name: {one for one in names if known[one] & known[name]} for name in names}
    if alone := next((name for name, out in alike.items() if len(out) == len(names)), None):
        raise InputError(
            f"nothing is left to learn from without {alone}; name cohorts of other observations too"
        )
    facts = _begin(output, facts)
    sources = [names[k % len(names)] for k in range(settings.simulated)]
    shown = _show_all(cohorts, sources, output / COHORTS, settings)
    left_out = {ALL: frozenset[str]()} | {name: frozenset(out) for name, out in alike.items()}
    sets = [*dict.fromkeys(left_out.values())]
    run = dask.delayed(_train, pure=False)
    pairs = [*zip(shown, sources, strict=True)]
    tasks = [run([one for one, source in pairs if source not in out], settings) for out in sets]
    trained = dict(zip(sets, compute(tasks, "networks"), strict=True))
    networks = {name: trained[out] for name, out in left_out.items()}
    Pretrained(networks, known).save(output / NETWORKS)
    digest = hashlib.sha256((output / NETWORKS).read_bytes()).hexdigest()
    write_json(output / CARD, facts | {"finished": now(), "sha256": digest})
    return output / NETWORKS


def _begin(output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the folder, or go on with it; an `InputError` where it is of something else.

    More cohorts may be asked for than before, and other epochs: what was drawn stays as it is.
    """
    if not (output / CARD).exists():
        check_new(output)
    make_folder(output / COHORTS)
    if (output / CARD).exists():
        before = read_json(output / CARD)
        if _identity(before) != _identity(facts):
            raise InputError(
                f"{output} holds a pretraining with other settings or cohorts, see {CARD} there; "
                "choose another folder"
            )
        facts = facts | {"started": before["started"]}
    write_json(output / CARD, facts)
    return facts


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What decides what is drawn."""
    settings = {k: v for k, v in facts["settings"].items() if k not in ("simulated", "epochs")}
    return {name: facts[name] for name in ("cohorts", "format", "rules")} | settings


def _show_all(
    cohorts: Mapping[str, xr.Dataset],
    sources: Sequence[str],
    folder: Path,
    settings: PretrainSettings,
) -> list[Shown]:
    """Draw and show the cohorts that the folder lacks, and read all."""
    files = [folder / f"{k:05d}.npz" for k in range(len(sources))]
    run = dask.delayed(_show, pure=False)
    shared = {name: dask.delayed(one, traverse=False) for name, one in cohorts.items()}
    missing = [k for k, file in enumerate(files) if not file.exists()]
    tasks = [run(k, shared[sources[k]], settings) for k in missing]
    compute(tasks, "cohorts", receive=lambda answer: answer[1].write(files[answer[0]]))
    return [Shown.read(file) for file in files]


def _show(number: int, source: xr.Dataset, settings: PretrainSettings) -> tuple[int, Shown]:
    return number, show(source, settings, number)


def _train(shown: Sequence[Shown], settings: PretrainSettings) -> "Weights":
    """Weights of a network of what some cohorts show."""
    from deepnic.learn.fit import train
    from deepnic.learn.settings import POOLED

    joined, epochs = join_shown(shown), settings.epochs
    with _one_at_a_time:
        result = train(joined, network=POOLED, epochs=epochs, seed=settings.seed, device="cpu")
    return dict(result.predictor.network.state_dict())
