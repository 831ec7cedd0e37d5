"""The process in which libFuzzer runs: started by `__main__`, which starts it again when it dies.

Arguments: the target, the corpus, the folder for findings, and options of libFuzzer.
"""

import hashlib
import json
import sys
import time
from pathlib import Path
from random import Random

_RUNS = 300_000  # of one process: with a mutator in Python libFuzzer keeps a kilobyte of each


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name, corpus, findings = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    import atheris

    with atheris.instrument_imports(include=["focal_omr"]):
        pass
    from fuzzing.limits import LIMIT_S, limit_memory
    from fuzzing.native import ContainedEngraver, contain_verovio
    from fuzzing.seeds import io_folder
    from fuzzing.targets import TARGETS
    from fuzzing.verdict import finding, watch

    target = TARGETS[name]
    if target.verovio:
        contain_verovio(findings.parent / "native" / name)
    path = Path(io_folder()) / f"hostile{target.suffix}"
    kinds: dict[str, int] = {}

    def keep(kind: str, what: str, data: bytes) -> None:
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > 1:
            return
        findings.mkdir(parents=True, exist_ok=True)
        stem = findings / hashlib.sha256(kind.encode()).hexdigest()[:12]
        if not stem.with_suffix(".txt").exists():
            stem.with_suffix(target.suffix if target.suffix != ".txt" else ".ids").write_bytes(data)
            stem.with_suffix(".txt").write_text(f"{kind}\n{what}\n", encoding="utf-8", errors="replace")
        print(f"FINDING {json.dumps(kind)}", file=sys.stderr, flush=True)

    lost = 0

    def one(data: bytes) -> None:
        nonlocal lost
        path.write_bytes(data)
        start = time.process_time()  # beside busy neighbours the clock on the wall says nothing
        found = finding(target, path)
        took = time.process_time() - start
        if ContainedEngraver.lost > lost:
            lost = ContainedEngraver.lost
            print(f"NATIVE {lost}", file=sys.stderr, flush=True)
        elif took > LIMIT_S:
            found = (f"takes longer than {LIMIT_S:g} s", f"took {took:.1f} s")
        if found:
            keep(*found, data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.1:
            return bytes(atheris.Mutate(data, most))
        try:
            return target.mutate(data, random)[:most]
        except (RecursionError, ValueError):  # of what was nested before; a number that no archive has
            return data[:most]

    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    options = [
        f"-max_len={target.most}",
        "-len_control=0",
        "-timeout=25",
        "-rss_limit_mb=0",
        "-print_final_stats=1",
        f"-runs={_RUNS}",
    ]
    limit_memory()
    watch()
    atheris.Setup([sys.argv[0], *sys.argv[4:], *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
