"""Processes over items: in their order, and none of them takes the others with it."""

import os
import time

import pytest

from focal_omr.data.processes import Lost, in_processes


def _work(item: str) -> str:
    match item:
        case "die":
            os._exit(11)
        case "sleep":
            time.sleep(60)
        case "fail":
            raise ValueError("a fault of the function")
    return item.upper()


def test_results_come_in_order_and_what_is_lost_says_why() -> None:
    items = ["a", "sleep", "b", "die", "c", "d"]
    found = dict(in_processes(_work, items, workers=2, limit_s=3))
    assert list(found) == items
    assert found == {
        "a": "A",
        "sleep": Lost("takes longer than 3 s"),
        "b": "B",
        "die": Lost("ends the process that reads it"),
        "c": "C",
        "d": "D",
    }


def test_an_exception_is_raised_here() -> None:
    with pytest.raises(ValueError, match="a fault of the function"):
        list(in_processes(_work, ["a", "fail"], workers=1))
