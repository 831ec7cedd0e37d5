"""The commands of `focal-omr data`: one short function each, as in `cli`."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from focal_omr.cli.options import MEMORY_MB, MemoryOption
from focal_omr.cli.terminal import ALL_FAILED, SOME_FAILED, extra, say
from focal_omr.errors import DataError

EngraverOption = Annotated[str, typer.Option(help="verovio, or lilypond, a program that must be installed.")]
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make and look at data.")


@data_app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder to make, in PrIMuS layout.")],
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    tunes: Annotated[
        Path | None, typer.Option(help="A folder of tunes, a collection of them, or the word music21.")
    ] = None,
    rare: Annotated[float, typer.Option(help="Share of the staves that rare symbols are put into.")] = 0.0,
    degrade: Annotated[
        str,
        typer.Option(help="none; scan: worn pictures; camera: <id>_distorted.jpg beside the clean pictures."),
    ] = "none",
    strength: Annotated[
        float | None,
        typer.Option(help="Of the wear, 0 to 1.", show_default="drawn for each sample"),
    ] = None,
    primus: Annotated[
        bool,
        typer.Option(
            "--primus", help="As PrIMuS: tunes as they are, its symbols alone, pictures of two colours."
        ),
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Composed staves of few different symbols.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="Write the .tgz that --out names.")] = False,
    engraver: EngraverOption = "verovio",
) -> None:
    """Render labelled staves, from real tunes or composed at random.

    They lie in PrIMuS layout.
    """
    with extra("render"):
        from focal_omr.data.rendered import render_tree
    render_tree(
        out,
        count=count,
        seed=seed,
        tunes=tunes,
        rare=rare,
        degrade=degrade,
        strength=strength,
        primus=primus,
        plain=plain,
        archive=archive,
        engraver=engraver,
    )
    print(out)


@data_app.command()
def primus(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Trees or .tgz archives of PrIMuS or Camera-PrIMuS.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    index: Annotated[Path | None, typer.Option(help="CSV file to write: one row a sample.")] = None,
    ids: Annotated[Path | None, typer.Option(help="A list of ids: only these samples.")] = None,
    list_: Annotated[
        Path | None, typer.Option("--list", help="File for the ids of the good samples; .gz is gzipped.")
    ] = None,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Check, describe and index PrIMuS or Camera-PrIMuS.

    It is read as it was downloaded, and every sample is opened.

    Exit status: 0 all are good, 1 some have defects or are on the list but not there, 2 none is good,
    or bad usage.
    """
    from focal_omr.batch.outputs import check_files
    from focal_omr.data.primus.index import describe, description_lines, index_primus, write_index
    from focal_omr.data.primus.split import apply_ids, read_ids, write_ids
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    check_files(index, list_)
    wanted = None if ids is None else read_ids(ids)
    index_all, name = partial(index_primus, only=wanted), ", ".join(map(str, paths))
    limits = ProcessLimits(None, memory)
    entries, defects = run_isolated(index_all, paths, name=name, limits=limits, error=DataError)
    known = {entry.id for entry in entries} | {defect.id for defect in defects}
    absent = apply_ids(wanted or (), known)[1]
    if index:
        write_index(index, entries)
    if list_:
        write_ids({list_: [entry.id for entry in entries]})
    figures = describe(entries, defects, absent)
    print(json.dumps(figures) if as_json else "\n".join(description_lines(figures)))
    if not entries:
        raise typer.Exit(ALL_FAILED)
    if defects or absent:
        raise typer.Exit(SOME_FAILED)


@data_app.command()
def sample(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A tree, an archive or an index of a set.")],
    out: Annotated[Path, typer.Option(help="File for the ids.")],
    samples: Annotated[int, typer.Option(min=1, help="How many samples.")] = 1250,
    symbols: Annotated[int, typer.Option(min=1, help="How many symbols they have together.")] = 60,
    min_count: Annotated[int, typer.Option(min=1, help="Occurrences of the rarest symbol at least.")] = 10,
    ratio: Annotated[
        float | None, typer.Option(help="Of the most to the least frequent symbol, such as 68.")
    ] = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Symbols as evenly as can be, instead of a ratio.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same samples.")] = 1,
    ids: Annotated[
        Path | None, typer.Option(help="A list of ids: take these, and no others, instead of drawing.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="JSON file for what was dropped, and the counts.")
    ] = None,
) -> None:
    """Draw a subset closed under few symbols.

    The rarest symbols go, and the samples that hold them.
    """
    from focal_omr.batch.outputs import check_files
    from focal_omr.data.primus.index import sample_labels
    from focal_omr.data.primus.split import write_ids
    from focal_omr.data.subset import draw_subset, subset_lines
    from focal_omr.runtime.atomic_files import write_atomic

    check_files(out, report)
    labels, defects = sample_labels(data)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", [str(each) for each in defects])
    if ids:
        chosen = _listed(ids, labels, data)
        write_ids({out: chosen})
        print(f"{out}: {len(chosen)} samples")
        return
    subset = draw_subset(
        labels,
        samples=samples,
        symbols=symbols,
        min_count=min_count,
        ratio=ratio,
        balanced=balanced,
        seed=seed,
    )
    write_ids({out: subset.ids})
    if report:
        write_atomic(report, json.dumps(subset.to_json(), indent=1).encode())
    print("\n".join((*subset_lines(subset), str(out))))


@data_app.command()
def split(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A tree, an archive or an index of a set.")],
    train: Annotated[str, typer.Option(help="Samples to train with: a number, or a share such as 0.8.")],
    test: Annotated[str, typer.Option(help="Samples to test with: a number, or a share such as 0.2.")],
    out: Annotated[Path, typer.Option(help="Folder for train.txt and test.txt.")],
    ids: Annotated[Path | None, typer.Option(help="A list of ids: split only these.")] = None,
    imbalance: Annotated[
        int, typer.Option(min=0, help="Samples of other sources, symbols evenly, for imbalance.txt.")
    ] = 0,
    min_count: Annotated[
        int,
        typer.Option(
            min=0,
            help="Occurrences of every symbol in training, and one in testing; 0: split by chance alone.",
        ),
    ] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same split.")] = 1,
) -> None:
    """Split a set by RISM source: no source is in both parts. Counts are exact, shares as near as can be.

    Symbols that occur less often than they should, as there are too few or no split was found, are named.
    """
    from focal_omr.batch.outputs import check_folder
    from focal_omr.data.frequency import symbol_counts
    from focal_omr.data.primus.index import sample_labels
    from focal_omr.data.primus.samples import source_of
    from focal_omr.data.primus.split import parse_size, split_by_source, write_ids
    from focal_omr.data.subset import draw_imbalance, imbalance_ratio

    check_folder(out)
    sizes = {"train": parse_size(train), "test": parse_size(test)}
    there, defects = sample_labels(data)
    chosen = _listed(ids, there, data) if ids else list(there)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", [str(each) for each in defects])
    symbols = symbol_counts(there[each] for each in chosen)
    least = {"train": min_count, "test": min(1, min_count)}
    labels = {each: there[each] for each in chosen} if min_count else None
    parts = split_by_source(chosen, sizes, seed=seed, labels=labels, least=least)
    if imbalance:
        parts["imbalance"] = draw_imbalance(there, chosen, samples=imbalance, seed=seed)
    write_ids({out / f"{name}.txt": part for name, part in parts.items()})
    for name, part in parts.items():
        counts = symbol_counts(there[each] for each in part)
        sources = {source_of(each) for each in part}
        ratio = imbalance_ratio(counts)
        print(f"{out / name}.txt: {len(part)} samples of {len(sources)} sources, imbalance ratio {ratio:.1f}")
        print(f"{name}.txt: {_rarity_line(counts, symbols, max(1, least.get(name, 1)))}")


def _rarity_line(counts: Mapping[str, int], symbols: Collection[str], least: int, *, shown: int = 5) -> str:
    """Whether every symbol occurs so often, and which do not."""
    from focal_omr.data.frequency import too_rare

    rare = too_rare(counts, symbols, least)
    often = "once" if least == 1 else f"{least} times"
    if not rare:
        return f"every symbol occurs {often} or more"
    named = ", ".join(f"{symbol} {count}" for symbol, count in list(rare.items())[:shown])
    more = f" and {len(rare) - shown} more" if len(rare) > shown else ""
    return f"{len(rare)} of {len(symbols)} symbols occur less than {often}: {named}{more}"


def _listed(ids: Path, there: Collection[str], data: Path) -> list[str]:
    """The ids of a list that are there, with a warning about the others; DataError where none is."""
    from focal_omr.data.primus.split import apply_ids, read_ids

    chosen, absent = apply_ids(read_ids(ids), there)
    if not chosen:
        raise DataError(f"{ids}: none of its {len(absent)} ids is in {data}: {absent[0]}, for one, is not")
    _warn(f"{ids}: {len(absent)} of its {len(chosen) + len(absent)} ids are not in {data}", absent)
    return chosen


def _warn(message: str, items: Sequence[str], *, shown: int = 5) -> None:
    """Say what is left out, where anything is."""
    if items:
        more = [f"and {len(items) - shown} more"] if len(items) > shown else []
        say(f"focal-omr: {message}: {'; '.join([*items[:shown], *more])}")


@data_app.command()
def tunes(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Folders or archives of kern, ABC, PAE, MusicXML or MEI, or the word music21.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The collection to write.")] = Path("tunes.txt"),
    only: Annotated[Path | None, typer.Option(help="A text file that names the files to take.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read files.")] = 2,
    limit: Annotated[float, typer.Option(help="Seconds that one file may take.")] = 60.0,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Collect the monophonic music of many files in one.

    Beside the collection there is a report of every file.
    """
    with extra("render"):
        from focal_omr.data.music.tunes import collect_tunes, music21_folder, tune_files
    roots = [music21_folder() if str(source) == "music21" else source for source in sources]
    files = tune_files(*roots)
    if only is not None:
        files = files.only(only)
    root = roots[0] if len(roots) == 1 else Path()  # of several, messages name the files alone
    count = collect_tunes(files, out, root=root, workers=workers, limit_s=limit, memory_mb=memory)
    print(f"{out}: {count} monophonic parts and runs of bars")


@data_app.command()
def shards(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    count: Annotated[int, typer.Option(min=1, help="Number of shards.")],
    size: Annotated[int, typer.Option(min=1, help="Staves in a shard.")] = 500,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    tunes: Annotated[Path | None, typer.Option(help="A collection from `data tunes`; else composed.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that engrave.")] = 2,
    rare: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the staves that rare symbols are put into.")
    ] = 0.4,
    engraver: EngraverOption = "verovio",
) -> None:
    """Engrave plates for training and pack them into shards."""
    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with extra("render"):
        from focal_omr.data.engraving.plates import write_shards
        from focal_omr.data.music.draw import Draw, draw_composed, draw_excerpt
    base = draw_composed if tunes is None else partial(draw_excerpt, tunes)
    draw = Draw(base, rare_share=rare)
    write_shards(out, count=count, seed=seed, draw=draw, size=size, workers=workers, engraver=engraver)
    print(out)


@data_app.command()
def pack(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A tree or an archive in PrIMuS layout.")],
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    ids: Annotated[Path | None, typer.Option(help="A list of ids: pack only these.")] = None,
    distorted: Annotated[
        bool, typer.Option("--distorted", help="The <id>_distorted.jpg of a Camera-PrIMuS set.")
    ] = False,
    size: Annotated[int, typer.Option(min=1, help="Staves in a shard.")] = 500,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Pack labelled pictures of your own into shards to train on."""
    with extra("render"):
        from focal_omr.data.pack import pack_samples
    from focal_omr.data.primus.split import read_ids
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    wanted = None if ids is None else read_ids(ids)
    work = partial(pack_samples, out=out, ids=wanted, distorted=distorted, size=size)
    packed = run_isolated(work, data, name=data, limits=ProcessLimits(None, memory), error=DataError)
    _warn(f"{data}: {len(packed.left_out)} samples are left out", packed.left_out)
    _warn(f"{ids}: {len(packed.absent)} of its ids are not in {data}", packed.absent)
    print(f"{out}: {packed.plates} plates")


@data_app.command()
def show(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A tree, an archive or an index of a set, a folder of shards, a folder of .semantic files "
            "without pictures, or a .txt list of such files.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for index.html, the figures and contact.png.")],
    ids: Annotated[Path | None, typer.Option(help="A text file with the ids to show, one per line.")] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="A folder from `data split`: train.txt, test.txt and perhaps imbalance.txt."),
    ] = None,
    min_count: Annotated[
        int, typer.Option(min=1, help="Occurrences below which a symbol counts as too rare.")
    ] = 10,
    degrade: Annotated[str, typer.Option(help="none, scan or camera, at four strengths.")] = "none",
    count: Annotated[int, typer.Option(min=1, help="Number of samples on the contact sheet.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Draw how often a set's symbols occur, and some of its samples.

    All is on a page to look at, the samples clean and degraded.
    """
    with extra("lab"):
        from focal_omr.data.show.page import show_set
    from focal_omr.batch.outputs import check_folder
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    check_folder(out)
    work = partial(
        show_set, out=out, count=count, seed=seed, degrade=degrade, ids=ids, split=split, min_count=min_count
    )
    defects = run_isolated(work, data, name=data, limits=ProcessLimits(None, memory), error=DataError)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", defects)
    print(out / "index.html")
