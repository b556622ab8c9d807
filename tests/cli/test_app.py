"""Commands, their help, exit codes, and one sentence for what is wrong."""

import resource
import signal
import subprocess
import sys

import pytest

import deepnic
from deepnic import cli
from deepnic.errors import InputError
from tests.cli.made import FEW, succeed, write_toml

COMMANDS = [
    "demo", "grow", "pixels", "train", "predict", "attribute", "atlas", "study", "report",
    "pseudonyms", "doctor",
]  # fmt: skip
CLUSTER = ["up", "launcher", "status", "down"]


def plain(text):
    """Words of a table that is drawn with lines."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("words", [*COMMANDS, *(f"cluster {word}" for word in CLUSTER)])
def test_help__of_every_command(words):
    text = succeed(*words.split(), "--help")
    assert "Usage: " in text
    assert "{deepnic" not in text


def test_help__names_every_command():
    words = succeed("--help").split()
    assert {*COMMANDS, "cluster"} <= set(words)
    assert set(CLUSTER) <= set(succeed("cluster", "--help").split())
    assert {command.callback.__name__ for command in cli.app.registered_commands} >= set(COMMANDS)


def test_help__needs_no_library_that_takes_time():
    code = "import sys, deepnic.cli; print(*{name.split('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "typer" in loaded
    assert not {*loaded} & {"numpy", "pandas", "xarray", "dask", "numba", "torch", "pydantic"}


def test_help__names_what_is_in_the_registry_now(monkeypatch):
    """A row added in memory is there the next time that help is asked for, and gone after it."""
    assert "balanced or stratified." in plain(succeed("grow", "--help"))
    monkeypatch.setattr("deepnic.rop.draws.DESIGNS", ("balanced", "stratified", "odd"))
    assert "balanced, stratified or odd." in plain(succeed("grow", "--help"))
    monkeypatch.undo()
    assert "odd" not in succeed("grow", "--help")


def test_main__exit_code_0(run, place):
    code, out, error = run("report", "--help")
    assert (code, error) == (0, "")
    assert "Write the page of a study, or of a training run, again; or a study's tables" in out


def test_version_and_short_help(run):
    assert run("--version") == (0, f"deepnic {deepnic.__version__}\n", "")
    assert run("grow", "-h")[1] == run("grow", "--help")[1]
    assert run("cluster", "up", "-h")[0] == 0


def test_completion__of_commands(monkeypatch, capsys):
    monkeypatch.setenv("_DEEPNIC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "deepnic gr")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == "grow"


def test_quiet__leaves_errors_alone(run, place, tmp_path):
    words = ["grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW]
    assert run(*words, "--quiet") == (0, "", "")
    code, out, error = run("pixels", "no.zarr", "-o", tmp_path / "t", "--quiet")
    assert (code, out) == (2, "")
    assert error.startswith("error: no store")
    assert run(*words)[1] != ""


@pytest.mark.parametrize("arguments", [["no-such"], ["grow"], ["grow", "x.csv", "--seed", "a"]])
def test_main__bad_use_is_2(run, arguments):
    code, _, error = run(*arguments)
    assert code == 2
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pixels", "no.zarr", "-o", "t"], "no store at no.zarr; make one with `deepnic grow`"),
        (["train", "no.zarr"], "no table at no.zarr; make one with `deepnic pixels`"),
        (["report", "no"], "no study in no: run `deepnic study` first"),
    ],
)
def test_missing_input__names_the_command_that_makes_it(refuse, words, sentence):
    assert sentence in refuse(*words)


def test_debug__shows_the_traceback(monkeypatch):
    for words in (["--debug", "train", "no.zarr"], ["train", "no.zarr", "--debug"]):
        monkeypatch.setattr(sys, "argv", ["deepnic", *words])
        with pytest.raises(InputError, match="no table at") as error:
            cli.main()
        assert error.traceback[-1].name == "open_table"


def test_debug__of_a_failure(monkeypatch, tmp_path):
    def fail(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("deepnic.report.write_report", fail)
    monkeypatch.setattr(sys, "argv", ["deepnic", "report", str(tmp_path), "--debug"])
    with pytest.raises(RuntimeError, match="broken"):
        cli.main()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("['PATIENT007'] not in index"), "KeyError in deepnic/cli/"),
        (RuntimeError("PATIENT007"), "RuntimeError in deepnic/cli/"),
        (MemoryError("PATIENT007"), "the memory does not suffice; ask for less"),
        (RuntimeError("can't start new thread"), "the memory does not suffice; ask for less"),
        (OSError("a.so: failed to map segment"), "the memory does not suffice; ask for less"),
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe; mend that, what is written is kept"),
        (OSError(28, "No space left on device", "/big"), "No space left on device at /big; mend"),
        (PermissionError(13, "Permission denied", "/no"), "Permission denied at /no; mend that"),
    ],
)
def test_unforeseen_error__tells_type_and_place_and_no_patient(
    refuse, monkeypatch, tmp_path, error, words
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("deepnic.report.write_report", fail)
    sentence = refuse("report", tmp_path, code=1)
    assert words in sentence
    assert "PATIENT" not in sentence


def test_unforeseen_error__of_the_memory_in_others_words(refuse, monkeypatch, tmp_path):
    """Llvmlite says that its library is not found where it cannot be mapped."""

    def fail(*_, **__):
        try:
            raise OSError("libllvmlite.so: failed to map segment from shared object")
        except OSError as error:
            raise OSError("Could not find shared object file 'libllvmlite.so'") from error

    monkeypatch.setattr("deepnic.report.write_report", fail)
    assert "the memory does not suffice" in refuse("report", tmp_path, code=1)


def test_interrupt__is_one_line_and_exit_code_130(refuse, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("deepnic.report.write_report", stop)
    sentence = refuse("report", tmp_path, code=130)
    assert sentence.startswith("error: interrupted; what is written is kept: run the same")


def command(*words, **how):
    return subprocess.Popen(
        [sys.executable, "-m", "deepnic", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
    )  # fmt: skip


@pytest.mark.parametrize("words", [["grow", "--help"], ["doctor"]])
def test_main__head_is_no_error(words):
    """Typer ends what nobody reads in one way, Rich in another."""
    with command(*words) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_main__tells_of_too_few_addresses_before_anything_is_loaded(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))

    process = command("grow", "c.csv", "-o", str(tmp_path / "f"), preexec_fn=limit)
    _, error = process.communicate()
    assert process.returncode == 1
    assert error.startswith(b"error: a process may have 1.0 GB of address space here, and deepnic")
    assert error.count(b"\n") == 1


@pytest.fixture
def small_files():
    """No file may have more than 500 bytes, whoever writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.fixture(scope="session")
def trained(place, tmp_path_factory):
    """Folder of a training run."""
    runs = tmp_path_factory.mktemp("trained")
    succeed("train", place / "table.zarr", "-o", runs, "--epochs", 1, "--device", "cpu")
    return next(runs.iterdir())


@pytest.mark.parametrize("word", ["grow", "pixels", "train", "predict", "study", "report"])
def test_command__of_a_disk_that_refuses(place, trained, tmp_path, request, capsys, word):
    settings = write_toml(tmp_path / "s.toml", place / "cohort.csv")
    words = {
        "grow": [place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW],
        "pixels": [place / "forest.zarr", "-o", tmp_path / "t.zarr", "--k", 64, "--fdr", 1],
        "train": [place / "table.zarr", "-o", tmp_path / "runs", "--epochs", 1, "--device", "cpu"],
        "predict": [trained / "checkpoint.pt", place / "table.zarr", "-o", tmp_path / "p.csv"],
        "study": [settings, "-o", tmp_path / "study"],
        "report": [trained],
    }
    request.getfixturevalue("small_files")  # now that all is made
    with pytest.raises(SystemExit) as end:
        cli.main([word, *map(str, words[word])])
    error = capsys.readouterr().err
    assert end.value.code == 1
    *progress, sentence = error.splitlines()
    assert "cannot be written (File too large); what was finished before is kept" in sentence
    assert sentence.startswith("error: ")
    assert all(line.startswith(("epoch ", "the images to learn")) for line in progress)
    assert not [*tmp_path.rglob("*.partial")]
