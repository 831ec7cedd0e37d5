"""Compact JSON of score records, exact both ways: how shards and stores hold scores and their parts.

A record is an object of its fields that differ from their defaults, with its class under "_"; a tuple is a
list, a Fraction an object of numerator and denominator. Records that later get more fields with defaults can
still read it.
"""

import json
from dataclasses import MISSING, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any

from focal_omr.errors import NotationError
from focal_omr.score import score as records

__all__ = ["read_record", "write_record"]

_CLASSES = {
    name: value
    for name in records.__all__
    if isinstance(value := getattr(records, name), type) and hasattr(value, "__dataclass_fields__")
}
_FIELDS = {cls: [(field.name, field.default) for field in fields(cls)] for cls in _CLASSES.values()}
_fraction = lru_cache(maxsize=4096)(Fraction)


def write_record(record: object) -> str:
    """The record, or a tuple of records, as JSON in one line."""
    return json.dumps(_encode(record), ensure_ascii=False, separators=(",", ":"))


def read_record(text: str | bytes) -> Any:
    """The record or tuple of `write_record`.

    Raises:
        NotationError: The text was not written by `write_record`, or with fields that no longer exist.
    """
    try:
        return _decode(json.loads(text))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise NotationError(f"not a score record of this version ({error})") from error


def _encode(value: object) -> object:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [_encode(each) for each in value]
    if isinstance(value, Fraction):
        return {"/": (value.numerator, value.denominator)}
    found: dict[str, object] = {"_": type(value).__name__}
    for name, default in _FIELDS[type(value)]:
        field = getattr(value, name)
        if default is MISSING or field != default:
            found[name] = _encode(field)
    return found


def _decode(value: Any) -> Any:
    if type(value) is list:
        return tuple([_decode(each) for each in value])
    if type(value) is not dict:
        return value
    if "/" in value:
        return _fraction(*value["/"])
    name = value.pop("_")
    for key, field in value.items():
        if type(field) is dict or type(field) is list:
            value[key] = _decode(field)
    return _CLASSES[name](**value)
