"""Which label is state 1, and which labels are none."""

from collections.abc import Collection

CONTROLS = {
    "0", "control", "controls", "ctrl", "normal", "healthy", "benign", "n", "negative", "neg",
    "non-responder", "nonresponder", "no", "false", "survived", "alive", "untreated", "unaffected",
    "wt", "wild type", "non-relapse", "no relapse", "témoin", "temoin", "contrôle", "sain", "saine",
    "survivant", "vivant", "non traité", "non", "négatif", "gesund", "kontrolle", "überlebt",
    "unbehandelt", "nein", "lebend", "negativ", "gutartig", "bénin", "f0", "placebo", "good",
}  # fmt: skip
"""Words for state 0, in English, French and German."""

CASES = {
    "1", "case", "cases", "disease", "diseased", "sick", "tumour", "tumor", "cancer", "malignant",
    "positive", "pos", "responder", "yes", "true", "died", "dead", "deceased", "treated",
    "affected", "mut", "mutant", "relapse", "cas", "malade", "décédé", "décédée", "mort", "traité",
    "oui", "positif", "krank", "fall", "verstorben", "tot", "behandelt", "ja", "positiv",
    "bösartig", "malin", "patient", "poor", "t",
}  # fmt: skip
"""Words for state 1."""

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
    return {*classes} in ({"1", "2"}, {"a", "b"}, {"A", "B"})


def find_positive(classes: Collection[str]) -> str | None:
    """Return which of two classes is state 1, or None where no rule knows."""
    first, second = sorted(classes)
    if are_codes(classes):
        return second
    for words, of_words in ((CONTROLS, False), (CASES, True)):
        named = [name for name in (first, second) if name.lower() in words]
        if len(named) == 1:
            return named[0] if of_words else ({first, second} - {*named}).pop()
    return None
