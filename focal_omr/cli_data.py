"""The commands of `focal-omr data`: one short function each, as in `cli`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from focal_omr.errors import OmrError

data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make and look at data.")


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turns a missing optional dependency into the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise OmrError(
            f"{error.name} is not installed; `pip install focal-ctc-omr[{name}]` brings it"
        ) from None


@data_app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder to make, in PrIMuS layout.")],
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    tunes: Annotated[
        Path | None, typer.Option(help="A folder of tunes, a collection of them, or the word music21.")
    ] = None,
    degrade: Annotated[str, typer.Option(help="none, scan or camera.")] = "none",
) -> None:
    """Render labelled staves, from real tunes or composed at random, in PrIMuS layout."""
    with extra("render"):
        from focal_omr.data.rendered import render_tree
    render_tree(out, count=count, seed=seed, tunes=tunes, degrade=degrade)
    print(out)


@data_app.command()
def tunes(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Folders or archives of kern, ABC, PAE, MusicXML or MEI, or the word music21."),
    ],
    out: Annotated[Path, typer.Option(help="The collection to write.")] = Path("tunes.txt"),
    only: Annotated[Path | None, typer.Option(help="A text file that names the files to take.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    limit: Annotated[float, typer.Option(help="Seconds that one file may take.")] = 60.0,
) -> None:
    """Read tunes once and keep their monophonic music as a collection, with a report of every file."""
    with extra("render"):
        from focal_omr.data.tunes import collect_tunes, music21_folder, tune_files
    roots = [music21_folder() if str(source) == "music21" else source for source in sources]
    files = tune_files(*roots)
    if only is not None:
        files = files.only(only)
    count = collect_tunes(files, out, root=roots[0], workers=workers, limit_s=limit)
    print(f"{out}: {count} monophonic parts and runs of bars")


@data_app.command()
def shards(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    count: Annotated[int, typer.Option(min=1, help="Number of shards.")],
    size: Annotated[int, typer.Option(min=1, help="Staves in a shard.")] = 250,
    seed: Annotated[int, typer.Option()] = 1,
    tunes: Annotated[Path | None, typer.Option(help="A collection from `data tunes`; else composed.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Engrave plates for training and pack them into shards."""
    from functools import partial

    logging.getLogger("focal_omr").setLevel(logging.INFO)
    with extra("render"):
        from focal_omr.data.draw import Draw, draw_excerpt
        from focal_omr.data.shards import write_shards
    draw = Draw() if tunes is None else Draw(partial(draw_excerpt, tunes))
    write_shards(out, count=count, seed=seed, draw=draw, size=size, workers=workers)
    print(out)
