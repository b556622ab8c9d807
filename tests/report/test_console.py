"""Tables of the console."""

import io

from rich.console import Console

from deepnic.report import summary_table


def print_table(findings):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(summary_table(findings))
    return console.export_text()


def test_summary_table__of_one_cohort_prints_every_family_literally(small_findings):
    printed = print_table(small_findings)
    assert all(name in printed for name in small_findings.arms["arm"])  # [bold] is no markup
    row = small_findings.scores().set_index("arm").loc["snail, 64 pixels"]
    assert f"{row['mean']:.3f} {row['low']:.2f}-{row['high']:.2f}" in printed
    assert "the forest itself" in printed


def test_summary_table__of_several_cohorts_prints_the_best_of_each_kind(findings):
    printed = print_table(findings)
    assert all(cohort in printed for cohort in findings.tested)
    assert printed.count("forest vote") == 4
    assert "majority" not in printed
