"""MEI and kern made to do harm: one line that names staff and measure, or a result that is defined here."""

from pathlib import Path

import pytest

from focal_omr.errors import EngraveError, NotationError
from focal_omr.formats.registry import load_score
from focal_omr.score.validate import validate

HOSTILE = Path(__file__).parents[1] / "hostile"

REFUSED = {
    "mei/chord-without-notes.mei": "staff 1, measure 1: a chord without notes",
    "mei/huge-tuplet.mei": "staff 1, measure 1: a tuplet of 9999:1; the maximum is 1000",
    "mei/layers-100.mei": "measure 1: more than 64 voices",
    "mei/multirests.mei": "part P1 has more than 20000 measures",
    "mei/staff-of-no-definition.mei": "measure 1: staff 7, which no <staffDef> names",
    "mei/staves-600.mei": "an MEI document of 600 staves; the maximum is 500",
    "kern/duration-beyond-bounds.krn": "kern: line 3 has a number of 12 digits",
    "kern/meter-of-zero.krn": "kern: line 6 has a number of 11 digits",
}
# Read as what they say as far as a score can say it.
VALID = ("ids-twice", "tie-to-nothing", "tie-to-itself", "ending-without-measure", "mrpt-first")


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_file_and_place(name: str) -> None:
    with pytest.raises((NotationError, EngraveError)) as caught:
        load_score(HOSTILE / name)
    assert str(caught.value) == f"{HOSTILE / name}: {REFUSED[name]}"


@pytest.mark.parametrize("name", VALID)
def test_it_is_read_as_a_valid_score(name: str) -> None:
    assert validate(load_score(HOSTILE / "mei" / f"{name}.mei")) == []
