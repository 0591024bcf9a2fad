"""The columns of the census extract: which are numbers, which are category codes, and their ranges."""

from __future__ import annotations

from collections.abc import Mapping

TARGET = "employed"

# Whole numbers whose order and distance mean something (lowest, highest).
NUMBERS: Mapping[str, tuple[int, int]] = {"AGEP": (0, 99)}

# Category codes of the ACS PUMS dictionary (lowest, highest); 0 is "not asked", for example of a child.
CODES: Mapping[str, tuple[int, int]] = {
    "SCHL": (0, 24),
    "MAR": (1, 5),
    "RELP": (0, 17),
    "DIS": (1, 2),
    "ESP": (0, 8),
    "CIT": (1, 5),
    "MIG": (0, 3),
    "MIL": (0, 4),
    "ANC": (1, 4),
    "NATIVITY": (1, 2),
    "DEAR": (1, 2),
    "DEYE": (1, 2),
    "DREM": (0, 2),
    "SEX": (1, 2),
    "RAC1P": (1, 9),
}
RANGES: Mapping[str, tuple[int, int]] = {**NUMBERS, **CODES}

SEX = {1: "male", 2: "female"}
DISABILITY = {1: "with", 2: "without"}
RACE = {
    1: "white",
    2: "black",
    3: "american indian",
    4: "alaska native",
    5: "american indian or alaska native, no tribe given",
    6: "asian",
    7: "pacific islander",
    8: "other",
    9: "two or more",
}
# The first age of each band; a band ends where the next begins.
AGE_BANDS = {0: "0-15", 16: "16-24", 25: "25-44", 45: "45-64", 65: "65+"}
