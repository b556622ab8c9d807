"""The report of a study or a training run: one HTML page that needs nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError

from deepnic.analysis.ranking import strength_label
from deepnic.errors import InputError
from deepnic.report import study, training
from deepnic.report.folder import RUN, STUDY, read_study, read_training


def write_report(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write the report of a study or of one training run.

    Parameters
    ----------
    folder : str or Path
        Folder written by `deepnic.run_study` or by ``deepnic train``.
    path : str or Path, optional
        Page to write; ``report.html`` in the folder unless given.

    Returns
    -------
    Path
        The page: self-contained, without scripts, and without the id of any observation.

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> write_report("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no study in nowhere: run `deepnic study` first, or `deepnic train`
    """
    folder = Path(folder)
    trained = (folder / RUN).is_file()
    if not trained and not (folder / STUDY).is_file():
        raise InputError(f"no study in {folder}: run `deepnic study` first, or `deepnic train`")
    environment = Environment(
        loader=PackageLoader("deepnic", "report/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"duration": duration, "plain": plain, "strength": strength_label}
    try:
        if trained:
            template, content = "training.html.jinja", training.content(read_training(folder))
        else:
            template, content = "report.html.jinja", study.content(read_study(folder))
        page = environment.get_template(template).render(content)
    except (KeyError, UndefinedError) as error:
        what, command = ("training run", "train") if trained else ("study", "study")
        raise InputError(
            f"the {what} in {folder} is not complete ({error}): run `deepnic {command}` again"
        ) from error
    path = folder / "report.html" if path is None else Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def duration(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> duration(0.0512), duration(8.25), duration(75), duration(7322)
    ('0.051 s', '8.2 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plain(value: Any) -> str:
    """Return a parameter in words.

    Examples
    --------
    >>> plain([3, 4]), plain(None), plain(True), plain({"k": 5})
    ('3, 4', 'none', 'yes', 'k = 5')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)
