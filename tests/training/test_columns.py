"""Training of the columns network: it learns, resumes bit for bit, validates, and exports."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from column_staves import staff_record, write_column_shards_of_staves
from tiny import COLUMNS, as_batch

from focal_omr.config import TrainConfig, make_config
from focal_omr.data.column_loader import ColumnBatches
from focal_omr.data.degrade.augment import plain_strip
from focal_omr.data.engraving.column_shards import column_shard_index
from focal_omr.encodings.column_factors import WIDTH
from focal_omr.encodings.columns import NoteColumn, SignColumn, flat_symbols
from focal_omr.errors import ConfigError, ModelError
from focal_omr.onnx_model import OnnxModel
from focal_omr.train import train
from focal_omr.training.checkpoint import load_checkpoint, load_network, load_weights
from focal_omr.training.column_validation import read_columns
from focal_omr.training.export_onnx import export_checkpoint


def _config(shards: Path, **changes: Any) -> TrainConfig:
    values = {
        "steps": 4,
        "report_every": 1,
        "evaluate_every": 4,
        "checkpoint_every": 2,
        "threads": 1,
        "encoding": "columns",
        "model": {**COLUMNS.model_dump(), "dropout": 0.3},
        "loss": {"kind": "column_ctc", "guide_steps": 2},
        "data": {"shards": [str(shards)], "batch": 2, "curriculum": 1},
        "optimizer": {"warmup": 2, "cooldown": 2},
    }
    return make_config({**values, **changes}, source="test")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_column_shards_of_staves(tmp_path_factory.mktemp("shards"), 2, 6)


@pytest.fixture(scope="module")
def whole_run(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(_config(shards), folder)
    return folder


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    whole_run: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = ColumnBatches.__getitem__

    def killed(self: ColumnBatches, step: int) -> Any:
        if step == 3:
            raise KeyboardInterrupt
        return batch(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(ColumnBatches, "__getitem__", killed)
        with pytest.raises(KeyboardInterrupt):
            train(_config(shards), tmp_path / "run")
    train(_config(shards), tmp_path / "run", resume=True)
    one, two = (load_checkpoint(run / "last.pt")["model"] for run in (whole_run, tmp_path / "run"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_validation_reports_symbols_columns_and_staves(whole_run: Path) -> None:
    header, row = (whole_run / "validation.csv").read_text().splitlines()
    names = header.split(",")
    kinds, metrics = ("clean", "scan", "camera"), ("ser", "column_error", "sequence_error_rate")
    assert names == ["step", *(f"{kind}_{metric}" for kind in kinds for metric in metrics)]
    assert row.startswith("4,")


@pytest.mark.parametrize("kind", ["column_ctc", "column_focal_ctc", "factor_focal_ctc", "serial_ctc"])
def test_every_loss_trains(kind: str, shards: Path, tmp_path: Path) -> None:
    loss = {"kind": kind, "gamma": 1.0, "balance": 0.9 if kind == "factor_focal_ctc" else 0.0}
    train(_config(shards, loss=loss, steps=2), tmp_path / "run")
    _, *rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 2
    loss_value, ctc = map(float, rows[0].split(",")[1:3])
    assert (loss_value == ctc) == (kind in ("column_ctc", "serial_ctc"))


def test_losses_of_symbols_and_columns_do_not_mix(shards: Path) -> None:
    for changes in ({"encoding": "printed"}, {"loss": {"kind": "ctc"}}, {"model": {}}):
        with pytest.raises(ConfigError, match="either all are for columns or none"):
            _config(shards, **changes)


def test_two_staves_are_overfitted(tmp_path: Path) -> None:
    shards = write_column_shards_of_staves(tmp_path / "shards", 2)
    sizes = {"channels": (8, 16, 16, 16, 16), "features": 48, "hidden": 32, "dropout": 0.0}
    model = {**COLUMNS.model_dump(), **sizes}
    config = _config(
        shards,
        steps=150,
        model=model,
        loss={"kind": "column_ctc", "guide_steps": 150},
        data={"shards": [str(shards)], "held_out": 0, "batch": 2, "curriculum": 0, "degrade": 0.0},
        optimizer={"rate": 0.01, "warmup": 10, "cooldown": 50},
        report_every=150,
        checkpoint_every=150,
    )
    train(config, tmp_path / "run")
    network, _ = load_network(tmp_path / "run" / "last.pt")
    staves = column_shard_index(shards / "000.tar")
    read = read_columns(network.eval(), [plain_strip(staff.gray()) for staff in staves])
    for columns, staff in zip(read, staves, strict=True):
        assert [flat_symbols(c) for c in columns] == [flat_symbols(c) for c in staff.label().columns]


@pytest.mark.parametrize("int8", [False, True])
def test_the_exported_network_says_the_same(whole_run: Path, tmp_path: Path, int8: bool) -> None:
    export_checkpoint(whole_run / "last.pt", tmp_path / "columns.onnx", int8=int8)
    exported = OnnxModel(tmp_path / "columns.onnx", threads=1)
    card = exported.card
    assert (card.height_px, card.middle_line_px, card.frame_px) == (128, 64, 4)
    assert card.codec.encoding == "columns"
    assert card.codec.vocabulary.classes == WIDTH
    network, _ = load_network(whole_run / "last.pt")
    strips = [np.random.default_rng(1).random((128, width), np.float32) for width in (101, 64, 90)]
    for strip, log_probs in zip(strips, exported.log_probs(strips), strict=True):
        with torch.no_grad():
            expected, (length,) = network.eval()(*as_batch([strip]))
        tolerance = 0.02 if int8 else 1e-4
        assert np.abs(np.exp(log_probs) - expected[:length, 0].exp().numpy()).max() < tolerance


def test_flat_symbols_name_every_note_and_rest() -> None:
    record = staff_record(0)
    for column in record.columns:
        symbols = flat_symbols(column)
        if isinstance(column, SignColumn):
            assert symbols == [(column.kind, column.value)]
        else:
            assert isinstance(column, NoteColumn)
            groups = [group for group in column.groups if group is not None]
            assert len(symbols) == sum(max(1, len(group.heads)) for group in groups)


def test_a_checkpoint_of_another_table_is_refused(whole_run: Path, shards: Path) -> None:
    state = torch.load(whole_run / "last.pt", weights_only=True)
    state["vocabulary"] = state["vocabulary"].replace("advance=1/4\n", "advance=1/5x\n")
    torch.save(state, whole_run / "other.pt")
    network, loaded = load_network(whole_run / "last.pt")
    with pytest.raises(ModelError, match="different vocabulary"):
        load_weights(whole_run / "other.pt", network, loaded["codec"])
