"""Which label is state 1, and which labels are none."""

import re
from collections.abc import Collection

from deepnic.errors import InputError

CONTROLS = {
    "0", "control", "controls", "ctrl", "ctl", "hc", "normal", "normals", "healthy", "benign", "n",
    "negative", "neg", "nonresponder", "no", "false", "survived", "survivor", "survival", "alive",
    "untreated", "unaffected", "uninfected", "unexposed", "mock", "sham", "vehicle", "placebo",
    "healthy control", "healthy controls", "normal control", "normal controls", "adjacent",
    "adjacent normal", "nontumor", "nontumour", "disease-free", "remission", "wt", "wild type",
    "wildtype", "wild-type", "good", "f0",
    "témoin", "témoins", "temoin", "temoins", "contrôle", "contrôles", "controle", "sain", "saine",
    "sains", "survivant", "vivant", "vivante", "non", "négatif", "negatif", "bénin", "benin",
    "guéri", "faux", "bon",
    "gesund", "gesunde", "kontrolle", "kontrollen", "überlebt", "überlebend", "unbehandelt", "nein",
    "lebend", "lebendig", "negativ", "gutartig", "falsch", "nichtraucher", "gut",
}  # fmt: skip
"""Words for state 0, in English, French and German."""

CASES = {
    "1", "case", "cases", "disease", "diseased", "sick", "ill", "tumour", "tumor", "cancer", "t",
    "malignant", "positive", "pos", "responder", "yes", "true", "died", "dead", "death", "deceased",
    "treated", "affected", "infected", "exposed", "mut", "mutant", "relapse", "relapsed",
    "recurrence", "progression", "patient", "patients", "poor", "nonsurvivor",
    "cas", "malade", "malades", "décédé", "décédée", "décès", "decede", "decedee", "mort", "morte",
    "traité", "traitée", "traite", "oui", "positif", "malin", "vrai", "rechute", "atteint",
    "mauvais",
    "krank", "kranke", "erkrankt", "fall", "fälle", "verstorben", "gestorben", "tot", "behandelt",
    "ja", "positiv", "bösartig", "rückfall", "rezidiv", "wahr", "schlecht",
}  # fmt: skip
"""Words for state 1."""

NOT = ("no", "non", "not", "never", "without", "sans", "pas de", "ohne", "kein", "keine", "nicht")
"""Words before a label that deny it, in these languages; a blank or a hyphen may follow."""

UNKNOWN = {
    "", ".", "?", "-", "na", "n/a", "#n/a", "nan", "none", "null", "unknown", "not available",
    "[not available]", "not applicable", "[not applicable]", "missing", "[unknown]", "nd",
    "inconnu", "unbekannt",
}  # fmt: skip
"""Labels that say that the state is not known, in lower case: to be predicted."""


EACH = "\0"
"""What `positive` is where each of several classes is wanted: no label holds NUL."""


def are_codes(classes: Collection[str]) -> bool:
    """Tell codes that count up, as R's factors and PLINK write them."""
    return {*map(_plain, classes)} in ({"1", "2"}, {"a", "b"})


def check_apart(classes: Collection[str]) -> None:
    """Refuse labels that are the same word, written in two ways."""
    met: dict[str, str] = {}
    for name in sorted(classes):
        if (other := met.setdefault(_plain(name), name)) != name:
            raise InputError(
                f"the labels {other!r} and {name!r} are written in two ways (capitals, blanks or "
                "decimals); write one class in one way, and two with two words"
            )


def find_positive(classes: Collection[str]) -> str | None:
    """Return which of two classes is state 1, or None where no rule knows."""
    first, second = sorted(classes)
    if are_codes(classes):
        return second
    for name, other in ((first, second), (second, first)):
        if _plain(other) in [f"{word}{gap}{_plain(name)}" for word in NOT for gap in " -"]:
            return name
    for words, of_words in ((CONTROLS, False), (CASES, True)):
        named = [name for name in (first, second) if _plain(name) in words]
        if len(named) == 1:
            return named[0] if of_words else ({first, second} - {*named}).pop()
    return None


def _plain(name: str) -> str:
    """Lower case, one blank between words, 1 for 1.0."""
    words = " ".join(name.replace("_", " ").casefold().split())
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", words)
