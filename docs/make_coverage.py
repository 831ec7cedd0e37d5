"""`python -m docs.make_coverage`: which symbols of PrIMuS were engraved, how often, as docs/coverage.md.

Two shards of 500 staves, drawn and engraved as shards are, composed or, with --tunes, the second from tunes.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from focal_omr.data.engraving.staff_images import draw_staff_image
from focal_omr.data.music.draw import ScoreSource, draw_excerpt
from focal_omr.data.music.rarity import impossible
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import primus_semantic
from focal_omr.formats.verovio import Engraver

SHARD = 500
OUT = Path(__file__).parent / "coverage.md"
HEAD = """# Coverage of the PrIMuS semantic vocabulary

Made by `python -m docs.make_coverage`: {staves} staves, drawn and engraved as `focal-omr data shards`
does{source}.
Of the {symbols} symbols of PrIMuS, {possible} can stand on a staff and {rendered} of these were engraved, the
rarest one {least} times. A count is of occurrences in the labels of the engraved plates.

| kind | symbols | engraved | least | median | most |
|---|---|---|---|---|---|
"""


def main() -> None:
    """Engrave and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunes", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        shards = list(pool.map(rendered, [options.seed] * 2, range(2), [None, options.tunes]))
    source = ", half of them cut out of tunes" if options.tunes else ", all composed"
    OUT.write_text(report(sum(shards, Counter()), staves=SHARD * 2, source=source), encoding="utf-8")
    print(OUT)


def rendered(seed: int, number: int, tunes: Path | None) -> Counter[str]:
    """The symbols in the labels of one shard's plates."""
    random, engraver = Random(f"{seed}/{number}"), Engraver()
    stream = ScoreSource(partial(draw_excerpt, tunes)).stream() if tunes else ScoreSource().stream()
    for _ in range(SHARD):
        stream.keep(score_to_tokens(draw_staff_image(engraver, random, stream).score))
    return stream.rarity.seen


def report(seen: Counter[str], *, staves: int, source: str) -> str:
    """The whole page."""
    symbols = primus_semantic().symbols
    cannot = {symbol: reason for symbol in symbols if (reason := impossible(symbol))}
    can = [symbol for symbol in symbols if symbol not in cannot]
    numbers = {"symbols": len(symbols), "possible": len(can), "rendered": sum(seen[s] > 0 for s in can)}
    parts = [HEAD.format(staves=staves, source=source, least=min(seen[s] for s in can), **numbers)]
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for symbol in can:
        kinds[symbol.partition("-")[0]].append(symbol)
    parts += [_row(kind, [seen[s] for s in each]) for kind, each in sorted(kinds.items())]
    parts.append(_impossible(cannot))
    parts.append(_missing([symbol for symbol in can if not seen[symbol]]))
    for kind, each in sorted(kinds.items()):
        parts.append(f"\n## {kind}\n\n{_listing(each, seen)}\n")
    return "".join(parts)


def _row(kind: str, counts: Sequence[int]) -> str:
    engraved = sum(count > 0 for count in counts)
    return f"| {kind} | {len(counts)} | {engraved} | {min(counts)} | {median(counts):g} | {max(counts)} |\n"


def _impossible(cannot: dict[str, str]) -> str:
    lines = [f"- `{symbol}`: {reason}\n" for symbol, reason in cannot.items()]
    return "\n## Cannot stand on a staff\n\n" + ("".join(lines) or "None.\n")


def _missing(symbols: Sequence[str]) -> str:
    lines = [f"- `{symbol}`\n" for symbol in symbols]
    return "\n## Not engraved\n\n" + ("".join(lines) or "None.\n")


def _listing(symbols: Sequence[str], seen: Counter[str]) -> str:
    """Symbols with their counts; those of notes by their values, one line for each."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for symbol in symbols:
        head, _, value = symbol.partition("_") if "note-" in symbol else (symbol, "", "")
        values[value].append(f"{head.partition('-')[2] or head} {seen[symbol]}")
    return "\n".join(
        f"- **{value}**: {', '.join(each)}" if value else ", ".join(each) for value, each in values.items()
    )


if __name__ == "__main__":
    main()
