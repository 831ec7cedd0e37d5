"""Coverage-guided fuzzing of every reader: `python -m fuzzing TARGET --seconds N`; needs the extra `fuzz`.

libFuzzer mutates the files that a target reads, guided by the coverage of the package. Findings are stored
below --findings, one file per kind. A finding is any outcome other than a result or an `OmrError` whose
one-line message
names the file: another exception, more than ten seconds or two gigabytes, a started program, an opened
connection, or access to a file that only a hostile document names. Fixed findings are minimised and kept in
`tests/hostile/`.
"""
