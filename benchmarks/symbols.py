"""`python -m benchmarks.symbols`: how often each symbol is seen in many staves, drawn and not engraved.

    python -m benchmarks.symbols --staves 100000 --tunes shards/tunes.txt

Half of the shards are composed, half cut out of the tunes (all composed without --tunes).
"""

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean, quantiles

from focal_omr.data.music.draw import ScoreSource, draw_excerpt
from focal_omr.data.music.rarity import impossible
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic

SHARD = 500


def main() -> None:
    """Draw, count, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--staves", type=int, default=100_000)
    parser.add_argument("--tunes", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [(options.seed, number, options.tunes) for number in range(options.staves // SHARD)]
        shards = list(pool.map(count_shard, *zip(*jobs, strict=True)))
    elapsed_s = time.perf_counter() - start
    print(json.dumps({"staves_per_s": options.staves / elapsed_s, **summary(shards)}, indent=1))


def count_shard(seed: int, number: int, tunes: Path | None) -> tuple[Counter[str], list[int]]:
    """The symbols of one shard, and the lengths of its staves."""
    random = Random(f"{seed}/{number}")
    draw = ScoreSource(partial(draw_excerpt, tunes)) if tunes and number % 2 else ScoreSource()
    stream = draw.stream()
    lengths = []
    for _ in range(SHARD):
        label = score_to_tokens(stream(random))
        stream.keep(label)
        lengths.append(len(label))
    return stream.rarity.seen, lengths


def summary(shards: list[tuple[Counter[str], list[int]]]) -> dict[str, object]:
    """The least seen symbols, those that cannot be shown, and the lengths."""
    seen: Counter[str] = sum((counts for counts, _ in shards), Counter())
    symbols = full_semantic().symbols
    cannot = {symbol: reason for symbol in symbols if (reason := impossible(symbol))}
    can = [symbol for symbol in symbols if symbol not in cannot]
    lengths = [length for _, each in shards for length in each]
    return {
        "least_seen": sorted((seen[symbol], symbol) for symbol in can)[:25],
        "seen_less_than_200": sum(seen[symbol] < 200 for symbol in can),
        "symbols": len(can),
        "missing_in_some_shard": sorted({s for counts, _ in shards for s in can if not counts[s]}),
        "impossible": cannot,
        "outside_the_vocabulary": sorted(set(seen) - set(symbols)),
        "length": {"mean": mean(lengths), "vigintiles": quantiles(lengths, n=20), "most": max(lengths)},
    }


if __name__ == "__main__":
    main()
