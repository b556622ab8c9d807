"""Get the cohorts that the TOML files of this folder name, bit for bit those of RESULTS.md.

    pip install -c constraints.txt rdata
    python studies/fetch.py [-o FOLDER] [NAME ...]

Each is taken over https from a public repository, at a pinned commit, checked, and written as
NAME.npz and NAME.labels.csv into ../shared/data, where the TOML files look for it. Files that are
there and right stay as they are, others are never overwritten. Behind a proxy: ``https_proxy`` in
the environment; for others to read the files, ``DEEPNIC_SHARE=1``. rdata reads R's files;
Wisconsin comes with deepnic.

Series GSE4107 and GSE7621 are taken from copies that do not change: what GEO itself serves, such as
https://ftp.ncbi.nlm.nih.gov/geo/series/GSE4nnn/GSE4107/matrix/GSE4107_series_matrix.txt.gz, is
written anew now and then, with another checksum. What was done to the values: nothing but the cast
to float32; and GSE7621 loses 21 probe sets that have no value.
"""

import hashlib
import json
import sys
import warnings
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from importlib.util import find_spec
from os.path import lexists
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple
from urllib.request import urlopen

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from deepnic.cohort.readers.files import load_text
from deepnic.cohort.readers.npz import read_archive
from deepnic.cohort.readers.raw import Wanted
from deepnic.cohort.readers.series import read_series
from deepnic.errors import DeepnicError, EngineError, InputError, choose
from deepnic.files import is_refusal, locked, scratch, whole
from deepnic.manifest import digest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
TIMEOUT = 60  # seconds without an answer

# owner, name and commit, all on GitHub
DATAMICROARRAY = "ramhiser/datamicroarray/a95f6f68ed3debf48ee54f198435fa12aa655b16"
KEGG = "bioc/KEGGandMetacoreDzPathwaysGEO/6fb99b85835bdd4a222503616f270307e8d3c4ef"
KEGG_2 = "bioc/KEGGdzPathwaysGEO/4e8f0d52f068a91fc65f985d7df9d91ac814767d"
COPY_4107 = "xjsun1221/GSE4107_two_group_excise/3d926b6287847476e6e5ebfbe91508089d601cd7"
COPY_7621 = "bhuynh05/BIPN-162-Group-9/a66a33c688fa9b5147cfccfae1889979b2e2d7e1"


class Source(NamedTuple):
    """Where a cohort comes from, and the checksums of what comes and of what is made of it."""

    repository: str
    path: str
    size: int  # bytes
    blob: str  # Git's digest of the file
    values: str  # `digest_of` the archive
    labels: str  # SHA-256 of the labels file
    classes: Mapping[str, str] = MappingProxyType({})  # the source's word -> label
    state: str = ""  # of a series, what tells the class
    columns: Mapping[str, str] = MappingProxyType({})  # more of the labels, the source's -> ours
    genes: str = ""  # names of genes that have none there, by number


SOURCES = {
    "alon": Source(
        DATAMICROARRAY, "data/alon.RData", 296_180,
        blob="0cc37af4ea84e4203bc8c28155273896ef805754",
        values="a71972c171df6b8af0c0fad58284d65b834e67da103a3a2e79f72153b0367312",
        labels="0ac54e709aca7a1b693805c3c8a8de9dde8950924fd7dc2ed0dde74830c73206",
    ),
    "golub": Source(
        DATAMICROARRAY, "data/golub.RData", 1_191_760,
        blob="a9f0fa35b449b38d58cb549423abd354ebb4a919",
        values="eb81bf486c028521c1b2002556134aa8ed09302774d28fdc00be62c0faa7269f",
        labels="83f24694fba78b9e6be64dba655327022189781e7def0f55d130ea364e8413ea",
    ),
    "singh": Source(
        DATAMICROARRAY, "data/singh.RData", 1_234_368,
        blob="24ce2767997c8f8b5b52348543859b2a302e86c2",
        values="39bc661730f6a002cccfb6f786e7cce5c7982939402356d7cf8b6173c5f18e4f",
        labels="79e032876a4548e7732ba155c989a15cfb93537562d3f361aafea0ebb275f777",
    ),
    "gravier": Source(
        DATAMICROARRAY, "data/gravier.RData", 812_452,
        blob="2548c1348127ee18af8d021b340b78f349b0c093",
        values="6cd3526c2e2d363b7684f62c49d8e219d80a421e42f83c5d3b57e784064ec20d",
        labels="75dd9b3c85d087db98b42002c2f3896a0242d7520fe9794bafef08835ccd9c30",
    ),
    "shipp": Source(
        DATAMICROARRAY, "data/shipp.RData", 828_180,
        blob="ff3fff56ebd8bdf36de1142c18794b7403afdab5",
        values="447f0407ecf1fcec2ed32e52f3c85f37eab7d314e104d92f76457436ab009496",
        labels="e31a71928ed7bd4899db55eb0c69661407b3449e5f87bb483659a4f727c0c846",
    ),
    "borovecki": Source(
        DATAMICROARRAY, "data/borovecki.RData", 1_141_396,
        blob="6741948007639c47235cf00e43972eb505caf4e8",
        values="9995ae75c0dd675e4dbefa612d968ec52564da0328294a9290e1290bff775871",
        labels="c87367344d2e5948517ee75d06c504d3acdb518359d140a6484a3b5feaa9e913",
    ),
    "chowdary": Source(
        DATAMICROARRAY, "data/chowdary.RData", 3_251_872,
        blob="8db6132214d7c9ad5dcc4fb94939d38aa6291c5c",
        values="18cde7fa7957d2b3bb59fdcd1b1ee1555dff96be889153b7268b28ce41ed5b47",
        labels="befc6c62f12fea3b853ea18dc315e513b961acf479376ea32f6a05c26d021def",
    ),
    "khan": Source(
        DATAMICROARRAY, "data/khan.RData", 462_216,
        blob="4d3a9bff72ff65af0f943bcaa70dc1515532aab3",
        values="349a16ded6533012b5d7b473c505f97e88cc42dbc6c00ffe8a6b87c49be68a4c",
        labels="f6ee776554340837885613611986472da2a6d5046a3caa07a94d49be21a12049",
    ),
    "pomeroy": Source(
        DATAMICROARRAY, "data/pomeroy.RData", 1_391_756,
        blob="d5aa9a670bed24bf47b9f3cdeeb8befeb4935665",
        values="ed0e01b012a15fb6cb31c3ac824af438258f609d69c8ce8ba338e673136a767a",
        labels="f6a0a2f6be218700017ffbc8d6f2dd81ad2aabbd706476efaa7668c50d2c87c8",
    ),
    "su": Source(
        DATAMICROARRAY, "data/su.RData", 3_519_464,
        blob="cc8e2cd8b6532f7ef3ea2c4f7b5ad07574ddb3a3",
        values="fc3740aba9ddc9ae9d1c46b0e34ce91399cae65ac288ac376a8a9c27613b14e1",
        labels="afc1a230520e6ca1cdacfdcc305d432c8c1ebbb6e289f8d680b2b7ea428479c8",
        genes="g{}",
    ),
    "subramanian": Source(
        DATAMICROARRAY, "data/subramanian.RData", 1_425_228,
        blob="7f2ca25e79e08b4126a400136ddf54e1d24c7cad",
        values="7c65cb10338a35e929c7a5d3368a637e2554ac13a1b1be9472fc9f9d5c8dcf3f",
        labels="b1ba3ba5f1d3772144f2cf2ab17d0e2b084060c07042b12435be7b7b6a5d83e5",
    ),
    "west": Source(
        DATAMICROARRAY, "data/west.RData", 942_736,
        blob="bf462e0cf46a0e4ec4d9f819ec16d60c65c159a3",
        values="5b694521a0bcf6005b60afc9217bc5c21cc54246f2e20e09b5564eb9614e0cc4",
        labels="fa0f85137adf58c4e0f1f82490b3799193ee7f2b5f814f377c84f2c651745ba2",
        genes="west_g{}",
    ),
    "gse22780": Source(
        KEGG, "data/GSE22780.rda", 2_224_180,
        blob="e1076aa778e4c064f751fa5fa91e2ef684997c06",
        values="84f99173415f55e676bb7aa37db31575a100c1d453bc531bef54590f6c0edcfd",
        labels="f69934f92c30ba33cfc9dd90030c8559aa330338feff8a0049a9e3e76570c5eb",
        classes={"c": "normal", "d": "tumour"}, columns={"Block": "pair"},
    ),
    "gse6956c": Source(
        KEGG_2, "data/GSE6956C.rda", 2_762_803,
        blob="5249c3a15a6f8723aedb10418bd43a5a55909f4d",
        values="b1038214e76af8e12d094fda8d753135fe26c70792606ec37b6cb7e39e906118",
        labels="551ea796b5e91ad5d57375d0148878a14eb9e7b288d9b9d7f816809019cc61e2",
        classes={"c": "control", "d": "disease"}, columns={"Block": "block"},
    ),
    "gse781": Source(
        KEGG_2, "data/GSE781.rda", 2_907_310,
        blob="1c15f892b954e8290b5aec26d819dce9ebc7e621",
        values="f370009b29e4750fcefbf7d48a2e50dd31f95bf05a6b651befe0a7c2da370b57",
        labels="847b25a2bd0a338e61a355f153cfbef9330c3afa76360beac6c5d63a4262d33d",
        classes={"c": "control", "d": "disease"},
    ),
    "gse38666_epithelia": Source(
        KEGG, "data/GSE38666_epithelia.rda", 3_853_112,
        blob="c0ee1076baef248bb60b82d41bd2ec8d3b058220",
        values="2a650c257ae94a4a011889f15a39f4c2e8bcf44294b5f702afd4d8c87ecf9897",
        labels="ae52d2b126daba9c7374ad0cbf1c979ecf4b66bfc3e7ef646eb6fcf76e26b8ba",
        classes={"c": "normal", "d": "cancer"},
    ),
    "gse14924_cd4": Source(
        KEGG, "data/GSE14924_CD4.rda", 2_685_884,
        blob="b42bd0ca766c8a0eea89a7454757c4a5d6999373",
        values="2158a87c3960ff3047a471bb4d603219a895e7b0ed7c34b588d89a854a1b644b",
        labels="50a9f95dac0ef2ea93456abf84a77448d9097ac08003a434413c598ae2c612fa",
        classes={"c": "healthy", "d": "aml"},
    ),
    "gse14924_cd8": Source(
        KEGG, "data/GSE14924_CD8.rda", 2_800_980,
        blob="b274f37628b1cb192f484eb3b43e45c89afd4473",
        values="3c094e13770b19abfefb03393c03993623fd7b31067cc6c5fd79b35b771b3817",
        labels="e20510a8e2c9fd3e7b709378ef8e6f1ea38e8adaccb35eabc27841b61c63b432",
        classes={"c": "healthy", "d": "aml"},
    ),
    "gse19420": Source(
        KEGG, "data/GSE19420.rda", 2_211_008,
        blob="10126490bb3da032aa1ecff21645f3a60d5eeecc",
        values="7e0b8cfcca3807f29405f90542c106e77eb2a6f9fb05bbe172024f5984a9c3da",
        labels="fdb5ee46c12452c34e36ceb23fa3f06556f69cd989a6a6bde08c315b21bc1d2b",
        classes={"c": "control", "d": "t2d"},
    ),
    "gse24739_g0": Source(
        KEGG, "data/GSE24739_G0.rda", 4_153_044,
        blob="033af8ab7fc8310750608c640d660a87f35ac718",
        values="71581038c7b2a73a07532c0f1bce26cedd32cce9520537a28b7bc1673652c4ca",
        labels="7f2ee323e99dcb15d55b676254009e7a33bfce4c6e143bffbbdcdebfa8b8dc82",
        classes={"c": "control", "d": "disease"},
    ),
    "gse24739_g1": Source(
        KEGG, "data/GSE24739_G1.rda", 4_158_644,
        blob="0e37a2834d3ab459df45cd00aa19df82b351f068",
        values="452709e73b03f52cd6946939d14357ab360f1ac8ede9717ff7d6a5bf36ec6ed9",
        labels="e296168f08c531ac3032dd918a0fc77b74aa581c4919e44389cf99a86843c994",
        classes={"c": "control", "d": "disease"},
    ),
    "gse4107": Source(
        COPY_4107, "GSE4107_series_matrix.txt.gz", 2_811_738,
        blob="6f9870ada098bf861b4ae939e9da261630e9fcfc",
        values="9b7c14e50f3db20928e55b8e6429ea7f431b4db587b3135d9369683a51f62e6c",
        labels="5d93016137c23ae7b560881b7f0492ff4c50f8648debb77e3effd062f0c3d39c",
        classes={"healthy control": "control", "not healthy control": "cancer"},
        state="title~healthy control", columns={"gender": "sex", "age": "age"},
    ),
    "gse7621": Source(
        COPY_7621, "GSE7621_series_matrix.txt.gz", 3_450_662,
        blob="9f4e070e0ea4e466ebd470caaed85ebb5a9251d4",
        values="5a1a9fa0373950c791d78672aa1bda5d72254bfdbb2e279425e774b54153857e",
        labels="19c9a7794b009816b40d593b261d01097fd72865281086342d2c9a8d96318185",
        classes={"Old Control": "control", "Parkinson's Disease": "parkinson"},
        state="characteristics_ch1", columns={"characteristics_ch1.2": "sex"},
    ),
}  # fmt: skip
"""Cohorts by the name of their files."""


class Cohort(NamedTuple):
    """What a source is converted to."""

    X: NDArray[np.float32]  # (sample, gene)
    genes: list[str]
    labels: pd.DataFrame  # (sample, column): sample_id, label and what else is known

    @property
    def samples(self) -> list[str]:
        """Ids, in the order of the rows."""
        return self.labels["sample_id"].tolist()

    @property
    def table(self) -> bytes:
        """The labels file."""
        return self.labels.to_csv(index=False, lineterminator="\n").encode()


def from_datamicroarray(file: Path, name: str, source: Source) -> Cohort:
    """Read a list of x (sample, gene) and y, the classes; samples have no ids there."""
    x, y = (_read_r(file)[name][part] for part in ("x", "y"))
    if isinstance(x, np.ndarray):
        x = pd.DataFrame(x, columns=[source.genes.format(k + 1) for k in range(x.shape[1])])
    frame = x if isinstance(x, pd.DataFrame) else x.to_pandas()
    ids = [f"{name}_{k:03}" for k in range(1, len(frame) + 1)]
    labels = pd.DataFrame({"sample_id": ids, "label": [*y]})
    if name == "golub":  # numbered as in the paper, whose 38 first samples train
        labels["original_sample"] = [*frame.index]
        labels["set"] = np.where(frame.index.astype(int) <= 38, "train", "test")
    return Cohort(frame.to_numpy("float64").astype(np.float32), [*frame.columns], labels)


def from_expression_set(file: Path, name: str, source: Source) -> Cohort:
    """Read the ExpressionSet of Bioconductor that is all that a file holds."""
    (found,) = _read_r(file).values()
    expression = found.assayData["exprs"].to_pandas()  # a row a gene
    facts = found.phenoData.data.loc[expression.columns]
    classes = facts["Group"].map(source.classes)
    more = {ours: [*facts[theirs]] for theirs, ours in source.columns.items()}
    labels = pd.DataFrame({"sample_id": [*facts["Sample"]], "label": [*classes]} | more)
    return Cohort(expression.to_numpy().T.astype(np.float32), [*expression.index], labels)


def from_series(file: Path, name: str, source: Source) -> Cohort:
    """Read a series matrix of GEO as `deepnic.read_cohort` does."""
    raw = read_series(load_text(file), Wanted(state=source.state))
    labels = pd.DataFrame({"sample_id": raw.observation})
    labels["label"] = raw.facts[source.state].map(source.classes)
    labels[[*source.columns.values()]] = raw.facts[[*source.columns]]
    return Cohort(np.ascontiguousarray(raw.values), raw.gene, labels)


CONVERTERS = {
    ".RData": from_datamicroarray,
    ".rda": from_expression_set,
    ".gz": from_series,
}  # by the suffix of the source's path
OF_R = {".RData", ".rda"}


def _read_r(file: Path) -> dict:
    import rdata

    with warnings.catch_warnings():  # it knows no class of Bioconductor, and need not
        warnings.filterwarnings("ignore", "Missing constructor")
        return rdata.read_rda(file, default_encoding="utf-8")


def digest_of(X: NDArray[np.float32], genes: Iterable[str], samples: Iterable[str]) -> str:
    """SHA-256 of values and names, however an archive packs them."""
    names = json.dumps([X.shape, [*genes], [*samples]])
    return digest(X.astype("<f4").tobytes() + names.encode())


def lacking(name: str, folder: Path) -> list[Path]:
    """Files of a cohort that are not there; one that is there and differs is an `InputError`."""
    files = folder / f"{name}.labels.csv", folder / f"{name}.npz"
    there = [file for file in files if lexists(file)]  # a link to nowhere is not overwritten
    for file in there:
        if not _is_right(file, SOURCES[name]):
            raise InputError(
                f"{file} is there and is not what the studies were made of; move it elsewhere, or "
                "choose another folder with -o"
            )
    return [file for file in files if file not in there]


def _is_right(file: Path, source: Source) -> bool:
    if not file.is_file():  # a pipe would be waited for
        return False
    try:
        if file.suffix == ".csv":
            return digest(file.read_bytes()) == source.labels
        raw = read_archive(file, Wanted(known=frozenset({""})))  # which asks for no labels
    except InputError:  # no archive of this kind, or damaged
        return False
    except OSError as error:
        raise EngineError(
            f"{file} cannot be read ({error.strerror}); mend that, or choose another folder with -o"
        ) from error
    is_float = raw.values.dtype == np.float32
    return is_float and digest_of(raw.values, raw.gene, raw.observation) == source.values


def download(name: str, folder: Path) -> bytes:
    """Get the source of a cohort, and see that it is the one of the studies."""
    source = SOURCES[name]
    url = f"https://raw.githubusercontent.com/{source.repository}/{source.path}"
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:
            content = answer.read(source.size + 1)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: of a strange proxy
        raise EngineError(
            f"{name} cannot be had from {url} ({getattr(error, 'reason', error)}); name a proxy in "
            f"https_proxy if one is needed, or copy {name}.npz and {name}.labels.csv into {folder} "
            "from a machine that has them"
        ) from error
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if blob != source.blob:
        what = "is cut off" if len(content) < source.size else "has another checksum"
        raise EngineError(
            f"what came from {url} is not the source of {name}: it {what}; try again, over another "
            "network if it stays so"
        )
    return content


def convert(name: str, content: bytes) -> Cohort:
    """Make a cohort of the bytes of its source, and see that it is the one of the studies."""
    source = SOURCES[name]
    remedy = "install the versions that were tested: pip install -c constraints.txt . rdata"
    try:
        with scratch() as folder:
            file = folder / Path(source.path).name
            file.write_bytes(content)
            cohort = CONVERTERS[file.suffix](file, name, source)
    except Exception as error:  # the source is right, so a package reads it in another way
        if is_refusal(error):
            raise
        raise EngineError(
            f"the source of {name} cannot be read ({type(error).__name__}); {remedy}"
        ) from error
    found = digest_of(cohort.X, cohort.genes, cohort.samples), digest(cohort.table)
    if found != (source.values, source.labels):
        raise EngineError(
            f"{name} comes out with other values or labels than the studies', and is not written; "
            f"{remedy}"
        )
    return cohort


def fetch(name: str, folder: Path) -> None:
    """Write what is lacking of a cohort."""
    with locked(folder / f"{name}.npz"):
        cohort = convert(name, download(name, folder))
        for file in lacking(name, folder):
            with whole(file) as partial, partial.open("wb") as opened:
                if file.suffix == ".csv":
                    opened.write(cohort.table)
                else:
                    genes, samples = cohort.genes, cohort.samples
                    np.savez_compressed(opened, X=cohort.X, genes=genes, samples=samples)


def fetch_all(names: Iterable[str], folder: Path) -> None:
    """Look at what is there, then fetch the rest."""
    for name in names:
        choose("cohort", name, SOURCES)
    wanted = [name for name in dict.fromkeys(names) if lacking(name, folder)]
    of_r = [name for name in wanted if Path(SOURCES[name].path).suffix in OF_R]
    if of_r and not find_spec("rdata"):
        raise EngineError(
            f"files of R (of {', '.join(of_r)}) are read by the package rdata; install it with: "
            "pip install -c constraints.txt rdata"
        )
    for k, name in enumerate(wanted, 1):
        fetch(name, folder)
        print(f"{name} ({k} of {len(wanted)}) is in {folder}", flush=True)
    if not wanted:
        print(f"all are in {folder}")


def main(
    names: Annotated[list[str] | None, typer.Argument(help="cohorts; left out, all")] = None,
    folder: Annotated[Path, typer.Option("-o", "--output", help="where to")] = FOLDER,
) -> None:
    """Get the cohorts of the studies from public repositories, and check them."""
    try:
        fetch_all(names or SOURCES, folder)
    except DeepnicError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InputError) else 1) from error


if __name__ == "__main__":
    typer.run(main)
