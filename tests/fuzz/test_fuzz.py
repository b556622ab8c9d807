"""Whatever bytes a reader is given, it returns a value or says what is wrong in a sentence.

``FUZZ=20000 pytest tests/fuzz`` (`make fuzz`) tries so many inputs of each reader; what is found is
kept in ``corpus``, a folder a reader, and tried again whenever the tests run.
"""

import os
import resource
import signal
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from deepnic.errors import DeepnicError
from deepnic.manifest import digest
from tests.fuzz.targets import TARGETS, target

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = int(os.environ.get("FUZZ", "15"))
PATIENCE = 60  # seconds that an input may take: a hang, however busy the machine is
MOST_MEMORY = 2**30  # bytes more than before
VALUE, REFUSED = "value", "refused"

pytestmark = pytest.mark.filterwarnings("error")


def outcome(read, content):
    """What bytes bring: a value, a sentence, or an error that is none, with its place."""
    with TemporaryDirectory() as folder:
        signal.alarm(PATIENCE)
        try:
            read(content, Path(folder))
        except DeepnicError as error:
            if not str(error) or len(str(error)) > 2000:
                return f"a sentence of {len(str(error))} characters"
            return REFUSED
        except Exception as error:
            places = traceback.extract_tb(error.__traceback__)
            ours = [one for one in places if f"{os.sep}deepnic{os.sep}" in one.filename] or places
            return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}"
        finally:
            signal.alarm(0)
    return VALUE


def hang(*_):
    raise RuntimeError("it hangs")


@pytest.fixture(autouse=True)
def alarm():
    before = signal.signal(signal.SIGALRM, hang)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", TARGETS)
def test_reader__of_any_bytes(name):
    reader = target(name)
    found, counts = {}, Counter()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize="FUZZ" not in os.environ,
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    @given(reader.inputs)
    def attack(content):
        what = outcome(reader.read, content)
        counts[what] += 1
        if what not in (VALUE, REFUSED) and len(content) < len(found.get(what, content + b"1")):
            found[what] = content

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attack()
    print(f"{name}: {dict(counts)}")
    for content in found.values():
        (CORPUS / name).mkdir(exist_ok=True)
        (CORPUS / name / digest(content)[:12]).write_bytes(content)
    assert not [*found]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY / 1024


@pytest.mark.parametrize(
    ("name", "file"), [(file.parent.name, file) for file in sorted(CORPUS.glob("*/*"))],
    ids=lambda one: one if isinstance(one, str) else one.name,
)  # fmt: skip
def test_reader__of_what_was_found_before(name, file):
    assert outcome(target(name).read, file.read_bytes()) in (VALUE, REFUSED)
