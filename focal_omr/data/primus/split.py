"""Splits by RISM source, and lists of ids, as the files that carry a split from one machine to another.

A source's incipits are alike: a split that parts them shows the test set in training. The lists published
with the 2018 paper's code do: 3,867 of their 8,923 test ids come from sources of the training list.
"""

import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from focal_omr.data.primus.samples import file_part, source_of
from focal_omr.data.primus.stratify import stratified
from focal_omr.errors import DataError
from focal_omr.runtime.atomic_files import make_folder, read_limited, write_together

_GZIP = b"\x1f\x8b"
_MAX_BYTES = 100_000_000  # four million ids; PrIMuS has 87,678
# An order of sources in which whole ones fill the parts exactly is drawn again until one is found: the first
# order nearly always is one, but with few sources, each of several ids, there may be none.
_TRIES = 200
_MOST_SHOWN = 3


# Lists of ids -----------------------------------------------------------------------------------------------


def read_ids(path: Path) -> list[str]:
    """The ids of a list in their order: one a line, plain or gzipped; paths are taken for their last part.

    `000051650-1_1_1`, `package_aa/000051650-1_1_1/` and `./000051650-1_1_1/000051650-1_1_1.png` are one id.

    Raises:
        DataError: The file cannot be read, is no list of ids, or names an id twice.
    """
    try:
        data = read_limited(path, _MAX_BYTES)
        if data.startswith(_GZIP):
            with gzip.open(io.BytesIO(data)) as unzipped:
                data = unzipped.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise DataError(f"{path}: more than {_MAX_BYTES:,} bytes when it is unzipped")
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no readable list of ids ({error})") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        sample_id = _listed_id(line.strip())
        if sample_id is None:
            raise DataError(f"{path}, line {number}: {line.strip()[:60]!r} is no id and no path of a sample")
        if sample_id in lines:
            raise DataError(f"{path}, line {number}: {sample_id} stands in line {lines[sample_id]} already")
        lines[sample_id] = number
    if not lines:
        raise DataError(f"{path}: names no id")
    return list(lines)


def _listed_id(line: str) -> str | None:
    name = re.split(r"[/\\]", line.rstrip("/\\"))[-1]
    known = file_part(name)
    name = known[0] if known else name
    return name if name and not re.search(r"\s|^\.*$", name) else None


def write_ids(lists: Mapping[Path, Iterable[str]]) -> None:
    """Write lists of ids, one id a line: all of them or none; gzipped where the name ends with .gz.

    Raises:
        OutputError: One cannot be written.
    """
    files = {}
    for path, ids in lists.items():
        data = "".join(f"{sample_id}\n" for sample_id in ids).encode()
        files[path] = gzip.compress(data, mtime=0) if path.suffix == ".gz" else data
        make_folder(path.parent)
    write_together(files)


def apply_ids(wanted: Sequence[str], there: Collection[str]) -> tuple[list[str], list[str]]:
    """The ids of a list that are there, and those that are not, both in the list's order."""
    known = set(there)
    return [i for i in wanted if i in known], [i for i in wanted if i not in known]


# Splitting --------------------------------------------------------------------------------------------------


def parse_size(text: str) -> int | float:
    """A count such as 1000, or a share such as 0.8. Raises DataError for anything else."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"[01]?\.\d+", text) and 0 <= float(text) <= 1:
        return float(text)
    raise DataError(f"size {text!r}: needed is a count such as 1000 or a share such as 0.8")


def split_by_source(
    ids: Collection[str],
    parts: Mapping[str, int | float],
    *,
    seed: int,
    labels: Mapping[str, Sequence[str]] | None = None,
    least: Mapping[str, int] | None = None,
) -> dict[str, list[str]]:
    """Parts of the ids such that no source is in two of them.

    Counts are met exactly. Whole sources are taken; where none fits any more, some ids of a source are, and
    the rest of it goes unused. Shares are met as closely as whole sources allow; together they are 1 at most.
    With labels the parts are stratified by symbol: none is to be rarer in a part than its minimum, which may
    not be possible (see `too_rare`), and all come as near to their share as a search finds.

    Args:
        ids: The ids; their order does not matter.
        parts: Name of each part -> its number of ids (int), or its share of them (float).
        seed: Same ids, parts, labels, minimums and seed: same split.
        labels: Id -> semantic label, of all the ids at least.
        least: Name of a part -> occurrences of each symbol in it; what comes first is met first.

    Returns:
        The ids of each part, sorted.

    Raises:
        DataError: No ids, counts that the ids cannot fill, shares above 1, both kinds together, or an id
            without a label.
    """
    if not ids:
        raise DataError("no ids to split")
    sources: dict[str, list[str]] = defaultdict(list)
    for sample_id in sorted(set(ids)):
        sources[source_of(sample_id)].append(sample_id)
    random = Random(f"split {seed}")
    if all(isinstance(size, int) for size in parts.values()):
        chosen = _split_counts(sources, {name: int(size) for name, size in parts.items()}, random)
    elif all(isinstance(size, float) for size in parts.values()):
        chosen = _split_shares(sources, parts, random)
    else:
        raise DataError("a split has counts or shares, not both")
    if labels is not None:
        if absent := sorted(set(ids) - labels.keys()):
            raise DataError(f"{len(absent)} ids have no label to stratify by: {absent[0]} ...")
        kept = {name: chosen[name] for name in parts}
        chosen = stratified(kept, {i: labels[i] for i in ids}, least=least or {}, random=random)
    return {name: sorted(chosen[name]) for name in parts}


def _split_counts(
    sources: Mapping[str, list[str]], counts: Mapping[str, int], random: Random
) -> dict[str, list[str]]:
    there, needed = sum(map(len, sources.values())), sum(counts.values())
    if min(counts.values()) < 0 or needed > there:
        wanted = " + ".join(f"{count} ({name})" for name, count in counts.items())
        raise DataError(f"{wanted} ids asked for, {there} are there")
    for _ in range(_TRIES):
        order = list(sources)
        random.shuffle(order)
        if chosen := _filled(sources, counts, order, random):
            return chosen
    raise DataError(
        f"{needed} of {there} ids from {len(sources)} sources asked for: no way was found to fill the parts "
        "exactly without a source in two of them; ask for fewer, or for shares"
    )


def _filled(
    sources: Mapping[str, list[str]], counts: Mapping[str, int], order: Sequence[str], random: Random
) -> dict[str, list[str]] | None:
    """The parts, filled with the sources in this order, smallest part first; None where they do not fit."""
    chosen: dict[str, list[str]] = {}
    left = list(order)
    for name, count in sorted(counts.items(), key=lambda part: part[1]):
        part: list[str] = []
        later = []
        for source in left:
            if len(part) + len(sources[source]) <= count:
                part += sources[source]
            else:
                later.append(source)
        if len(part) < count:  # every source that is left has more ids than are needed
            if not later:
                return None
            cut = min(later, key=lambda source: len(sources[source]))
            part += random.sample(sources[cut], count - len(part))
            later.remove(cut)
        chosen[name], left = part, later
    return chosen


def _split_shares(
    sources: Mapping[str, list[str]], shares: Mapping[str, float], random: Random
) -> dict[str, list[str]]:
    if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
        given = ", ".join(map(str, shares.values()))
        raise DataError(f"shares {given}: needed are at most 1 in all, none below 0")
    total = sum(map(len, sources.values()))
    unused = "\0unused"
    wanted = {**shares, unused: max(0.0, 1 - sum(shares.values()))}
    room = {name: share * total for name, share in wanted.items()}
    chosen: dict[str, list[str]] = {name: [] for name in wanted}
    order = list(sources)
    random.shuffle(order)
    for source in order:  # by chance, in the proportion of what each part still lacks
        lacks = [max(0.0, each) for each in room.values()]
        name = random.choices(list(room), lacks)[0] if any(lacks) else next(iter(room))
        chosen[name] += sources[source]
        room[name] -= len(sources[source])
    return chosen
