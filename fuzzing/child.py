"""libFuzzer process, started and restarted by `__main__`.

Arguments: target, corpus folder, findings folder, libFuzzer options.
"""

import hashlib
import json
import sys
import time
from pathlib import Path
from random import Random

_RUNS = (
    300_000  # executions per process: with a Python mutator libFuzzer leaks about a kilobyte per execution
)


def main() -> None:
    """Fuzz until libFuzzer exits."""
    name, corpus, findings = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    import atheris

    # Never left: atheris 3 instruments only what is imported inside, and readers import late.
    atheris.instrument_imports(include=["focal_omr"]).__enter__()
    from fuzzing.limits import LIMIT_S, limit_memory
    from fuzzing.native import IsolatedEngraver, isolate_verovio
    from fuzzing.seeds import io_folder
    from fuzzing.targets import TARGETS
    from fuzzing.verdict import finding, install_audit_hook

    target = TARGETS[name]
    if target.verovio:
        isolate_verovio(findings.parent / "native" / name)
    path = Path(io_folder()) / f"hostile{target.suffix}"
    kinds: dict[str, int] = {}

    def store(kind: str, detail: str, data: bytes) -> None:
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > 1:
            return
        findings.mkdir(parents=True, exist_ok=True)
        stem = findings / hashlib.sha256(kind.encode()).hexdigest()[:12]
        if not stem.with_suffix(".txt").exists():
            stem.with_suffix(target.suffix if target.suffix != ".txt" else ".ids").write_bytes(data)
            stem.with_suffix(".txt").write_text(f"{kind}\n{detail}\n", encoding="utf-8", errors="replace")
        print(f"FINDING {json.dumps(kind)}", file=sys.stderr, flush=True)

    lost = 0

    def execute(data: bytes) -> None:
        nonlocal lost
        path.write_bytes(data)
        start = time.process_time()  # not wall-clock time, which depends on the load of the machine
        found = finding(target, path)
        took = time.process_time() - start
        if IsolatedEngraver.lost > lost:
            lost = IsolatedEngraver.lost
            print(f"NATIVE {lost}", file=sys.stderr, flush=True)
        elif took > LIMIT_S:
            found = (f"takes longer than {LIMIT_S:g} s", f"took {took:.1f} s")
        if found:
            store(*found, data)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.1:
            return bytes(atheris.Mutate(data, max_size))
        try:
            return target.mutate(data, random)[:max_size]
        except (RecursionError, ValueError):  # nested too deeply; a number out of the range of an archive
            return data[:max_size]

    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    options = [
        f"-max_len={target.max_bytes}",
        "-len_control=0",
        "-timeout=25",
        "-rss_limit_mb=0",
        "-print_final_stats=1",
        f"-runs={_RUNS}",
    ]
    limit_memory()
    install_audit_hook()
    atheris.Setup([sys.argv[0], *sys.argv[4:], *options, str(corpus)], execute, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
