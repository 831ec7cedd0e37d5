"""Compact JSON of score records, exact both ways: how shards and stores hold scores and their parts.

A record is a list of its class's number and its fields, trailing defaults left out; a tuple is a list that
begins with `_TUPLE`, a Fraction one that begins with `_FRACTION`. `SCHEMA` names all classes and fields: data
of another schema cannot be read, and whoever stores it stores the schema's digest beside it.
"""

import hashlib
import json
from dataclasses import MISSING, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any

from focal_omr.errors import NotationError
from focal_omr.score import score as records

__all__ = ["SCHEMA", "read_record", "write_record"]

_TUPLE, _FRACTION = 0, 1
_CLASSES = tuple(
    value
    for name in records.__all__
    if isinstance(value := getattr(records, name), type) and hasattr(value, "__dataclass_fields__")
)
_NUMBERS = {cls: number for number, cls in enumerate(_CLASSES, 2)}
_FIELDS = tuple(tuple(field.name for field in fields(cls)) for cls in _CLASSES)
_DEFAULTS = tuple(tuple(field.default for field in fields(cls)) for cls in _CLASSES)
# Digest of all classes and fields.
SCHEMA = hashlib.sha256(repr([*zip(records.__all__, map(str, _FIELDS), strict=False)]).encode()).hexdigest()[
    :12
]
_fraction = lru_cache(maxsize=4096)(Fraction)


def write_record(record: object) -> str:
    """The record, or a tuple of records, as JSON in one line."""
    return json.dumps(_encode(record), ensure_ascii=False, separators=(",", ":"))


def read_record(text: str | bytes) -> Any:
    """The record or tuple of `write_record`.

    Raises:
        NotationError: The text is not of this version's `write_record`.
    """
    try:
        return _decode(json.loads(text))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise NotationError(f"not a score record ({error})") from error


def _encode(value: object) -> object:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [_TUPLE, *map(_encode, value)]
    if isinstance(value, Fraction):
        return [_FRACTION, value.numerator, value.denominator]
    number = _NUMBERS[type(value)]
    names, defaults = _FIELDS[number - 2], _DEFAULTS[number - 2]
    values = [getattr(value, name) for name in names]
    while values and defaults[len(values) - 1] is not MISSING and values[-1] == defaults[len(values) - 1]:
        values.pop()
    return [number, *map(_encode, values)]


def _decode(value: Any) -> Any:
    if type(value) is not list:
        return value
    number = value[0]
    if number == _TUPLE:
        return tuple([_decode(each) if type(each) is list else each for each in value[1:]])
    if number == _FRACTION:
        return _fraction(value[1], value[2])
    values = [_decode(each) if type(each) is list else each for each in value[1:]]
    return _CLASSES[number - 2](**dict(zip(_FIELDS[number - 2], values, strict=False)))
