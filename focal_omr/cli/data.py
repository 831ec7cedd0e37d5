"""The commands of `focal-omr data`, one function each."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from focal_omr.cli.options import MEMORY_MB, MemoryOption
from focal_omr.cli.terminal import ALL_FAILED, SOME_FAILED, require_extra, say
from focal_omr.errors import DataError

EngraverOption = Annotated[str, typer.Option(help="verovio, or lilypond if that program is installed.")]
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Generate and inspect data.")


@data_app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder to create, in PrIMuS layout.")],
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    tunes: Annotated[
        Path | None,
        typer.Option(help="Folder of tunes, a collection from `data tunes`, or the word music21."),
    ] = None,
    rare: Annotated[float, typer.Option(help="Fraction of staves with rare symbols inserted.")] = 0.0,
    degrade: Annotated[
        str,
        typer.Option(
            help="Degradation: none; scan: of the images; camera: <id>_distorted.jpg beside clean images."
        ),
    ] = "none",
    strength: Annotated[
        float | None,
        typer.Option(help="Degradation strength, 0 to 1.", show_default="random per sample"),
    ] = None,
    primus: Annotated[
        bool,
        typer.Option("--primus", help="Like PrIMuS: unchanged tunes, only its symbols, bilevel images."),
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Composed staves with a small vocabulary.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="Write --out as a .tgz archive.")] = False,
    engraver: EngraverOption = "verovio",
) -> None:
    """Render labelled staves in PrIMuS layout.

    The music comes from real tunes, or is composed at random.
    """
    with require_extra("render", "rendering data"):
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
    index: Annotated[Path | None, typer.Option(help="CSV file to write, one row per sample.")] = None,
    ids: Annotated[Path | None, typer.Option(help="List of ids: only these samples.")] = None,
    list_: Annotated[
        Path | None,
        typer.Option("--list", help="Write the ids of the valid samples to this file; .gz is gzipped."),
    ] = None,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Check, describe and index PrIMuS or Camera-PrIMuS.

    It is read as downloaded, and every sample is opened.

    Exit status: 0 all are valid, 1 some are defective or listed but missing, 2 none is valid, or bad usage.
    """
    from focal_omr.batch.outputs import check_output_files
    from focal_omr.data.primus.index import describe, description_lines, index_primus, write_index
    from focal_omr.data.primus.split import apply_ids, read_ids, write_ids
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    check_output_files(index, list_)
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
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Tree, archive or index of a data set.")],
    out: Annotated[Path, typer.Option(help="File for the ids.")],
    samples: Annotated[int, typer.Option(min=1, help="Number of samples.")] = 1250,
    symbols: Annotated[int, typer.Option(min=1, help="Vocabulary size of the subset.")] = 60,
    min_count: Annotated[int, typer.Option(min=1, help="Minimum occurrences of each symbol.")] = 10,
    ratio: Annotated[
        float | None,
        typer.Option(help="Imbalance ratio, of the most to the least frequent symbol, such as 68."),
    ] = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Symbols as balanced as possible, instead of a ratio.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same samples.")] = 1,
    ids: Annotated[
        Path | None, typer.Option(help="List of ids: take exactly these instead of drawing.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="JSON file for dropped symbols and counts.")] = None,
) -> None:
    """Draw a subset with a small vocabulary.

    Samples that hold rarer symbols are dropped.
    """
    from focal_omr.batch.outputs import check_output_files
    from focal_omr.data.primus.index import sample_labels
    from focal_omr.data.primus.split import write_ids
    from focal_omr.data.subset import draw_subset, subset_lines
    from focal_omr.runtime.atomic_files import write_atomic

    check_output_files(out, report)
    labels, defects = sample_labels(data)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", [str(each) for each in defects])
    if ids:
        chosen = _select_ids(ids, labels, data)
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
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Tree, archive or index of a data set.")],
    train: Annotated[str, typer.Option(help="Training samples: a number, or a fraction such as 0.8.")],
    test: Annotated[str, typer.Option(help="Test samples: a number, or a fraction such as 0.2.")],
    out: Annotated[Path, typer.Option(help="Folder for train.txt and test.txt.")],
    ids: Annotated[Path | None, typer.Option(help="List of ids: split only these.")] = None,
    imbalance: Annotated[
        int, typer.Option(min=0, help="Balanced samples of other sources, for imbalance.txt.")
    ] = 0,
    min_count: Annotated[
        int,
        typer.Option(
            min=0,
            help="Minimum training occurrences of every symbol (and one in the test set); 0 = random split.",
        ),
    ] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same split.")] = 1,
) -> None:
    """Split a data set by RISM source.

    No source is in both parts. Numbers are exact, fractions approximate. Symbols that miss --min-count are
    reported.
    """
    from focal_omr.batch.outputs import check_output_folder
    from focal_omr.data.frequency import symbol_counts
    from focal_omr.data.primus.index import sample_labels
    from focal_omr.data.primus.samples import source_of
    from focal_omr.data.primus.split import parse_size, split_by_source, write_ids
    from focal_omr.data.subset import draw_imbalance, imbalance_ratio

    check_output_folder(out)
    sizes = {"train": parse_size(train), "test": parse_size(test)}
    all_labels, defects = sample_labels(data)
    chosen = _select_ids(ids, all_labels, data) if ids else list(all_labels)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", [str(each) for each in defects])
    symbols = symbol_counts(all_labels[id_] for id_ in chosen)
    min_counts = {"train": min_count, "test": min(1, min_count)}
    labels = {id_: all_labels[id_] for id_ in chosen} if min_count else None
    parts = split_by_source(chosen, sizes, seed=seed, labels=labels, least=min_counts)
    if imbalance:
        parts["imbalance"] = draw_imbalance(all_labels, chosen, samples=imbalance, seed=seed)
    write_ids({out / f"{name}.txt": part for name, part in parts.items()})
    for name, part in parts.items():
        counts = symbol_counts(all_labels[id_] for id_ in part)
        sources = {source_of(id_) for id_ in part}
        ratio = imbalance_ratio(counts)
        print(f"{out / name}.txt: {len(part)} samples of {len(sources)} sources, imbalance ratio {ratio:.1f}")
        print(f"{name}.txt: {_rarity_line(counts, symbols, max(1, min_counts.get(name, 1)))}")


def _rarity_line(
    counts: Mapping[str, int], symbols: Collection[str], min_count: int, *, shown: int = 5
) -> str:
    """Format a line that names the symbols with fewer than `min_count` occurrences."""
    from focal_omr.data.frequency import too_rare

    rare = too_rare(counts, symbols, min_count)
    often = "once" if min_count == 1 else f"{min_count} times"
    if not rare:
        return f"every symbol occurs {often} or more"
    named = ", ".join(f"{symbol} {count}" for symbol, count in list(rare.items())[:shown])
    more = f" and {len(rare) - shown} more" if len(rare) > shown else ""
    return f"{len(rare)} of {len(symbols)} symbols occur less than {often}: {named}{more}"


def _select_ids(ids: Path, available: Collection[str], data: Path) -> list[str]:
    """Return the listed ids that the data set has; warn about the others. Raises DataError if it has none."""
    from focal_omr.data.primus.split import apply_ids, read_ids

    chosen, missing = apply_ids(read_ids(ids), available)
    if not chosen:
        raise DataError(f"{ids}: none of its {len(missing)} ids is in {data}; the first is {missing[0]}")
    _warn(f"{ids}: {len(missing)} of its {len(chosen) + len(missing)} ids are not in {data}", missing)
    return chosen


def _warn(message: str, items: Sequence[str], *, shown: int = 5) -> None:
    """Warn about the first `shown` items, if there are any."""
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
    out: Annotated[Path, typer.Option(help="Collection to write.")] = Path("tunes.txt"),
    only: Annotated[Path | None, typer.Option(help="Text file with the names of the files to take.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    limit: Annotated[float, typer.Option(help="Time limit of one file in seconds.")] = 60.0,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Collect the monophonic parts of many files in one.

    A report of every file is written beside it.
    """
    with require_extra("render", "collecting tunes"):
        from focal_omr.data.music.sources import tune_files
        from focal_omr.data.music.tunes import collect_tunes, music21_folder
    roots = [music21_folder() if str(source) == "music21" else source for source in sources]
    files = tune_files(*roots)
    if only is not None:
        files = files.only(only)
    root = roots[0] if len(roots) == 1 else Path()
    count = collect_tunes(files, out, root=root, workers=workers, limit_s=limit, memory_mb=memory)
    print(f"{out}: {count} monophonic parts and runs of bars")


@data_app.command()
def scores(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", help="Folders or archives of MusicXML, MEI or kern, or the word music21."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Store to write.")],
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="Text file of music to leave out: a file's stem or words of its title per line."),
    ] = None,
    only: Annotated[Path | None, typer.Option(help="Text file with the names of the files to take.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    limit: Annotated[float, typer.Option(help="Time limit of one file in seconds.")] = 60.0,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Collect whole scores of any texture in one store."""
    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with require_extra("render", "collecting scores"):
        from focal_omr.data.music.score_files import collect_scores
        from focal_omr.data.music.sources import tune_files
        from focal_omr.data.music.tunes import music21_folder
    files = tune_files(*[music21_folder() if str(source) == "music21" else source for source in sources])
    if only is not None:
        files = files.only(only)
    count = collect_scores(
        files, out, exclude=exclude or (), workers=workers, limit_s=limit, memory_mb=memory
    )
    print(f"{out}: {count} scores")


@data_app.command()
def shards(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    count: Annotated[int, typer.Option(min=1, help="Number of shards.")],
    size: Annotated[int, typer.Option(min=1, help="Staves per shard.")] = 500,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    tunes: Annotated[
        Path | None,
        typer.Option(
            help="Folder of tunes, a collection from `data tunes`, or the word music21.",
            show_default="composed",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    rare: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction of staves with rare symbols inserted.")
    ] = 0.4,
    engraver: EngraverOption = "verovio",
) -> None:
    """Engrave staff images for training and pack them into shards."""
    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with require_extra("render", "engraving shards"):
        from focal_omr.data.engraving.staff_images import write_shards
        from focal_omr.data.music.draw import ScoreSource
        from focal_omr.data.rendered import score_drawer
    with TemporaryDirectory() as temporary:
        source = ScoreSource(score_drawer(tunes, Path(temporary)), rare_share=rare)
        write_shards(
            out, count=count, seed=seed, source=source, size=size, workers=workers, engraver=engraver
        )
    print(out)


@data_app.command()
def systems(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    count: Annotated[int, typer.Option(min=1, help="Number of shards.")],
    size: Annotated[int, typer.Option(min=1, help="Staves per shard, at least.")] = 500,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    scores: Annotated[
        Path | None, typer.Option(help="Store of scores from `data scores`.", show_default="composed")
    ] = None,
    composed: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction of composed music where there is a store.")
    ] = 0.35,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    engraver: Annotated[
        str, typer.Option(help="verovio; musescore or lilypond if MuseScore 3 or LilyPond is installed.")
    ] = "verovio",
) -> None:
    """Engrave systems and pack their staves into shards.

    An interrupted run is resumed by the same command.
    """
    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with require_extra("render", "engraving shards"):
        from focal_omr.data.engraving.render_systems import write_column_shards
        from focal_omr.data.music.score_stream import MusicSource
    source = MusicSource(scores, composed)
    write_column_shards(
        out, count=count, seed=seed, source=source, size=size, workers=workers, engraver=engraver
    )
    print(out)


@data_app.command()
def pack(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Tree or archive in PrIMuS layout.")],
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    ids: Annotated[Path | None, typer.Option(help="List of ids: pack only these.")] = None,
    distorted: Annotated[
        bool, typer.Option("--distorted", help="Pack the <id>_distorted.jpg of Camera-PrIMuS.")
    ] = False,
    size: Annotated[int, typer.Option(min=1, help="Staves per shard.")] = 500,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Pack your own labelled images into training shards."""
    with require_extra("render", "packing shards"):
        from focal_omr.data.pack import pack_samples
    from focal_omr.data.primus.split import read_ids
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    wanted = None if ids is None else read_ids(ids)
    work = partial(pack_samples, out=out, ids=wanted, distorted=distorted, size=size)
    packed = run_isolated(work, data, name=data, limits=ProcessLimits(None, memory), error=DataError)
    _warn(f"{data}: {len(packed.left_out)} samples are left out", packed.left_out)
    _warn(f"{ids}: {len(packed.absent)} of its ids are not in {data}", packed.absent)
    print(f"{out}: {packed.staves} staves")


@data_app.command()
def show(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Tree, archive or index of a data set, a folder of shards, a folder of .semantic files "
            "without images, or a .txt list of such files.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for index.html, the figures and contact.png.")],
    ids: Annotated[Path | None, typer.Option(help="Text file with the ids to show, one per line.")] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="Folder from `data split`: train.txt, test.txt and perhaps imbalance.txt."),
    ] = None,
    min_count: Annotated[
        int, typer.Option(min=1, help="Occurrences below which a symbol counts as rare.")
    ] = 10,
    degrade: Annotated[
        str, typer.Option(help="Degradation: none, scan or camera; shown at four strengths.")
    ] = "none",
    count: Annotated[int, typer.Option(min=1, help="Number of samples on the contact sheet.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    memory: MemoryOption = MEMORY_MB,
) -> None:
    """Plot symbol frequencies and show samples.

    The result is a web page; samples are shown clean and degraded.
    """
    with require_extra("lab", "showing a data set"):
        from focal_omr.data.show.page import show_set
    from focal_omr.batch.outputs import check_output_folder
    from focal_omr.runtime.worker_processes import ProcessLimits, run_isolated

    check_output_folder(out)
    work = partial(
        show_set, out=out, count=count, seed=seed, degrade=degrade, ids=ids, split=split, min_count=min_count
    )
    defects = run_isolated(work, data, name=data, limits=ProcessLimits(None, memory), error=DataError)
    _warn(f"{data}: {len(defects)} defects; these samples are left out", defects)
    print(out / "index.html")
