"""Round-trip check of staves through tokens and through Verovio: `python -m benchmarks.round_trip`.

    python -m benchmarks.round_trip --staves 10000 --tunes shards/tunes.txt

The trips are Score -> semantic -> Score, and Score -> our MEI -> Verovio -> its MEI -> Score. Half of the
staves are composed, half are excerpts of the tunes (all are composed without --tunes), with rare symbols as
in shards.
"""

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from focal_omr.data.music.draw import ScoreSource, draw_excerpt
from focal_omr.encodings.semantic import join_label, score_to_tokens, tokens_to_score
from focal_omr.errors import OmrError
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Score
from tests.normal_form import normal

SHARD = 500


def main() -> None:
    """Run both round trips, count the failures, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--staves", type=int, default=10_000)
    parser.add_argument("--tunes", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", type=int, default=5, help="Number of failures to print.")
    options = parser.parse_args()
    start = time.perf_counter()
    jobs = [(options.seed, number, options.tunes, SHARD) for number in range(options.staves // SHARD)]
    with ProcessPoolExecutor(options.workers) as pool:
        found = [failure for each in pool.map(failures, *zip(*jobs, strict=True)) for failure in each]
    counts = Counter(way for way, _, _ in found)
    result = {"staves": len(jobs) * SHARD, "failures": len(found), "by_way": counts}
    shown = [dict(zip(("way", "label", "reason"), each, strict=True)) for each in found[: options.show]]
    print(json.dumps({**result, "elapsed_s": time.perf_counter() - start, "first": shown}, indent=1))


def failures(seed: int, number: int, tunes: Path | None, count: int) -> list[tuple[str, str, str]]:
    """Find staves that do not survive a round trip.

    Args:
        seed: Seed of the run.
        number: Number of the batch, part of the seed; odd ones use the tunes.
        tunes: File of tunes.
        count: Number of staves.

    Returns:
        Trip ("semantic" or "mei"), label and difference of each failure.
    """
    random = Random(f"{seed}/{number}")
    draw = ScoreSource(partial(draw_excerpt, tunes)) if tunes and number % 2 else ScoreSource()
    stream, engraver = draw.stream(), Engraver()
    found = []
    for _ in range(count):
        score = stream(random)
        label = score_to_tokens(score)
        stream.keep(label)
        if reason := token_trouble(score):
            found.append(("semantic", join_label(label), reason))
        if reason := mei_trouble(score, engraver):
            found.append(("mei", join_label(label), reason))
    return found


def token_trouble(score: Score) -> str | None:
    """Difference after the round trip through tokens, or None."""
    try:
        return _difference(tokens_to_score(score_to_tokens(score)).parts, score.parts)
    except OmrError as error:
        return str(error)


def mei_trouble(score: Score, engraver: Engraver) -> str | None:
    """Difference after the round trip through Verovio, with beams as engraved, or None."""
    score = replace(score, parts=tuple(beam_by_meter(part) for part in score.parts))
    try:
        back = read_mei(engraver.mei(write_mei(score), input_format="mei"))
    except OmrError as error:
        return str(error)
    return _difference(_flat(back), _flat(score))


def _flat(score: Score) -> list[object]:
    return [each for part in normal(score) for each in (part if isinstance(part, tuple) else (part,))]


def _difference(got: object, wanted: object) -> str | None:
    if got == wanted:
        return None
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        return next(f"{g} instead of {w}" for g, w in zip(got, wanted, strict=True) if g != w)
    return f"{got} instead of {wanted}"


if __name__ == "__main__":
    main()
