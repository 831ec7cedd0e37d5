"""Fuzzing of every reader: `python -m fuzzing TARGET --seconds N`; needs the extra `fuzz`.

The files that a target reads are changed at random, guided by which lines of the package they reach. What is
found is kept below --findings, one file a kind. A finding is anything but a result or an `OmrError` of one
line that names the file; more than ten seconds or two gigabytes; a program started, a connection opened, a
file read that only a hostile document names. What is mended goes, as small as it gets, into `tests/hostile/`.
"""
