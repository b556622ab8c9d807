"""The command line: thin words around the public functions."""

from deepnic.cli.app import Command, app, main
from deepnic.cli.atlas import atlas
from deepnic.cli.attribution import attribute
from deepnic.cli.cluster import cluster
from deepnic.cli.cohorts import cohort
from deepnic.cli.doctor import doctor
from deepnic.cli.forests import grow, pixels
from deepnic.cli.genes import genes
from deepnic.cli.pseudonyms import pseudonyms
from deepnic.cli.studies import demo, pretrain, report, study
from deepnic.cli.training import predict, train
from deepnic.cli.verify import verify

__all__ = ["app", "main"]

COMMANDS = (
    demo, cohort, grow, pixels, genes, atlas, train, pretrain, predict, attribute, study, report,
    verify, pseudonyms, doctor,
)  # fmt: skip

for command in COMMANDS:
    app.command(cls=Command)(command)
app.add_typer(cluster, name="cluster")
