"""Train/test splits by RISM source, and the lists of ids that store them.

Incipits of one source are alike, so a split within sources leaks the test set into training. The lists
published
with the code of the 2018 paper do: 3,867 of their 8,923 test ids come from sources of the training list.
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
# Random orders of the sources that are tried until whole sources fill the parts exactly. The first order
# nearly always does; with few sources of several ids each, none may.
_TRIES = 200


# Lists of ids -----------------------------------------------------------------------------------------------


def read_ids(path: Path) -> list[str]:
    """Read a list of ids, one per line, plain or gzipped; of a path the last part counts.

    `000051650-1_1_1`, `package_aa/000051650-1_1_1/` and `./000051650-1_1_1/000051650-1_1_1.png` are the same
    id.

    Raises:
        DataError: The file cannot be read, is not a list of ids, or repeats an id.
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
        raise DataError(f"{path}: not a readable list of ids ({error})") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name = re.split(r"[/\\]", line.strip().rstrip("/\\"))[-1]
        sample_id = known[0] if (known := file_part(name)) else name
        if re.search(r"\s|^\.*$", sample_id):
            raise DataError(
                f"{path}, line {number}: {line.strip()[:60]!r} is neither an id nor a sample's path"
            )
        if sample_id in lines:
            raise DataError(f"{path}, line {number}: {sample_id} is already in line {lines[sample_id]}")
        lines[sample_id] = number
    if not lines:
        raise DataError(f"{path}: contains no ids")
    return list(lines)


def write_ids(lists: Mapping[Path, Iterable[str]]) -> None:
    """Write lists of ids, one id per line, all of them or none; gzipped if the name ends with .gz.

    Raises:
        OutputError: A file cannot be written.
    """
    files = {}
    for path, ids in lists.items():
        data = "".join(f"{sample_id}\n" for sample_id in ids).encode()
        files[path] = gzip.compress(data, mtime=0) if path.suffix == ".gz" else data
        make_folder(path.parent)
    write_together(files)


def apply_ids(wanted: Sequence[str], there: Collection[str]) -> tuple[list[str], list[str]]:
    """Separate the ids of a list that exist from those that do not, both in list order."""
    known = set(there)
    return [i for i in wanted if i in known], [i for i in wanted if i not in known]


# Splitting --------------------------------------------------------------------------------------------------


def parse_size(text: str) -> int | float:
    """Parse a count such as 1000 or a share such as 0.8.

    Raises:
        DataError: The text is neither.
    """
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"[01]?\.\d+", text) and 0 <= float(text) <= 1:
        return float(text)
    raise DataError(f"size {text!r}: expected a count such as 1000 or a share such as 0.8")


def split_by_source(
    ids: Collection[str],
    parts: Mapping[str, int | float],
    *,
    seed: int,
    labels: Mapping[str, Sequence[str]] | None = None,
    least: Mapping[str, int] | None = None,
) -> dict[str, list[str]]:
    """Split ids into parts such that no two parts share a source.

    Counts are met exactly: parts are filled with whole sources; where none fits, some ids of a source are
    taken and its other ids are left unused. Shares are met as closely as whole sources allow. With labels,
    the split is
    stratified by symbol: a local search raises every symbol to its minimum in each part where that is
    possible (see `too_rare`), and brings all symbols near their share.

    Args:
        ids: The ids; their order does not matter.
        parts: Name of each part -> number of ids (int) or share (float, 1 in total at most).
        seed: Seed of the random generator.
        labels: Id -> semantic label, for all ids.
        least: Name of a part -> minimum occurrences of each symbol; earlier parts have priority.

    Returns:
        Name of each part -> ids, sorted.

    Raises:
        DataError: There are no ids, too few for the counts, shares above 1, counts and shares mixed, or an id
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
    available, needed = sum(map(len, sources.values())), sum(counts.values())
    if min(counts.values()) < 0 or needed > available:
        wanted = " + ".join(f"{count} ({name})" for name, count in counts.items())
        raise DataError(f"{wanted} ids requested, {available} available")
    for _ in range(_TRIES):
        order = list(sources)
        random.shuffle(order)
        if chosen := _fill_parts(sources, counts, order, random):
            return chosen
    raise DataError(
        f"{needed} of {available} ids from {len(sources)} sources requested: found no way to fill the parts "
        "exactly without a source in two of them; request fewer, or shares"
    )


def _fill_parts(
    sources: Mapping[str, list[str]], counts: Mapping[str, int], order: Sequence[str], random: Random
) -> dict[str, list[str]] | None:
    """Fill the parts with the sources in this order, smallest part first; None if the sources do not
    suffice."""
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
        if len(part) < count:  # every remaining source has more ids than the part lacks
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
        raise DataError(f"shares {given}: expected a sum of at most 1 and none below 0")
    total = sum(map(len, sources.values()))
    unused = "\0unused"
    wanted = {**shares, unused: max(0.0, 1 - sum(shares.values()))}
    room = {name: share * total for name, share in wanted.items()}
    chosen: dict[str, list[str]] = {name: [] for name in wanted}
    order = list(sources)
    random.shuffle(order)
    for source in order:  # to a random part, weighted by what each part still lacks
        lacks = [max(0.0, each) for each in room.values()]
        name = random.choices(list(room), lacks)[0] if any(lacks) else next(iter(room))
        chosen[name] += sources[source]
        room[name] -= len(sources[source])
    return chosen
