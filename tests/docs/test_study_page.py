"""The report of the stored study is derived from its rows."""

from docs import make_study


def test_the_page_is_derived_from_the_rows() -> None:
    page = make_study.PAGE.read_text(encoding="utf-8")
    assert page == make_study.study_page(page), "regenerate it: python -m docs.make_study"


def test_no_interval_of_the_page_that_holds_0_stands_beside_a_small_p() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")]
        for line in make_study.PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and " of 3 |" in line
    ]
    assert len(rows) == 8
    for _, loss, _, interval, p, *_ in rows:
        low, high = map(float, interval.strip("[]").split(","))
        assert (float(p.removeprefix("< ")) < 0.05) == (low > 0 or high < 0), loss
