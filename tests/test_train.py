"""Training: learning, bitwise resume, logs and losses."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY, as_batch, labels, staff_images, write_shards_of_staves
from torch import Tensor

from focal_omr.config import LossConfig, OptimizerConfig, TrainConfig, make_config
from focal_omr.data.degrade.augment import plain_strip
from focal_omr.data.loader import StaffBatches, collate
from focal_omr.decode import greedy_decode
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import ConfigError, DataError, ModelError
from focal_omr.loss import (
    class_balanced_weights,
    consistency_loss,
    focal_ctc_loss,
    length_focal_ctc_loss,
    symbol_focal_ctc_loss,
)
from focal_omr.metrics import ErrorRates, error_rates
from focal_omr.model import build_model
from focal_omr.train import learning_rate, train
from focal_omr.training.checkpoint import load_checkpoint
from focal_omr.training.tasks import make_loss


@pytest.mark.slow
def test_eight_incipits_are_overfitted() -> None:
    torch.manual_seed(0)
    vocabulary = full_semantic()
    config = TINY.model_copy(
        update={"channels": (8, 12, 16, 24, 32), "features": 64, "hidden": 48, "layers": 1, "dropout": 0.0}
    )
    model = build_model(config, vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loss = make_loss(LossConfig())
    strips = [plain_strip(image.gray) for image in staff_images()]
    batch = collate(strips, [vocabulary.encode(label) for label in labels()])
    for step in range(200):
        log_probs, lengths = model.train()(batch.images, batch.widths)
        optimizer.zero_grad()
        loss(log_probs, batch.targets, lengths, batch.target_lengths).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if step % 10 == 9 and _rates(model, strips).edits == 0:
            break
    assert _rates(model, strips).ser == 0


def _rates(model: torch.nn.Module, strips: list[Any]) -> ErrorRates:
    """Error rates of the network on strips, in evaluation mode."""
    with torch.no_grad():
        log_probs, lengths = model.eval()(*as_batch(strips))
    return error_rates(_read(log_probs, lengths), labels())


def _read(log_probs: Tensor, lengths: Tensor) -> list[list[str]]:
    frames = [log_probs[:length, row].detach().numpy() for row, length in enumerate(lengths)]
    return [full_semantic().decode([symbol.class_id for symbol in greedy_decode(each)]) for each in frames]


# Runs -------------------------------------------------------------------------------------------------------


def _config(shards: Path | str, **changes: Any) -> TrainConfig:
    values = {
        "steps": 6,
        "report_every": 1,
        "evaluate_every": 4,
        "checkpoint_every": 3,
        "threads": 1,
        "model": {**TINY.model_dump(), "dropout": 0.3},
        "data": {"shards": [str(shards)], "batch": 2, "curriculum": 2},
        "optimizer": {"warmup": 2, "cooldown": 2},
    }
    return make_config({**values, **changes}, source="test")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards_of_staves(tmp_path_factory.mktemp("shards"), 2, 6)


@pytest.fixture(scope="module")
def whole_run(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(_config(shards), folder)
    return folder


def _kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = StaffBatches.__getitem__

    def killed(self: StaffBatches, number: int) -> Any:
        if number == step:
            raise KeyboardInterrupt
        return batch(self, number)

    monkeypatch.setattr(StaffBatches, "__getitem__", killed)


@pytest.fixture(scope="module")
def resumed_run(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run killed during its fifth step, two steps after its checkpoint, and resumed."""
    folder = tmp_path_factory.mktemp("runs") / "resumed"
    with pytest.MonkeyPatch.context() as patch:
        _kill_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            train(_config(shards), folder)
    assert load_checkpoint(folder / "last.pt")["step"] == 3
    torch.manual_seed(99)  # the state of the global generator must not matter
    train(_config(shards), folder, resume=True)
    return folder


def _tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """All tensors and numbers of nested containers by their path."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _tensors(inner, f"{name}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, inner in enumerate(value) for k, v in _tensors(inner, f"{name}/{i}").items()}
    return {name: torch.as_tensor(value)} if isinstance(value, int | float | Tensor) else {}


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(whole_run: Path, resumed_run: Path) -> None:
    """Bit for bit."""
    whole, resumed = (load_checkpoint(folder / "last.pt") for folder in (whole_run, resumed_run))
    for part in ("model", "optimizer", "step"):
        expected, got = _tensors(whole[part]), _tensors(resumed[part])
        assert expected.keys() == got.keys()
        assert expected
        assert [name for name in expected if not torch.equal(expected[name], got[name])] == []


def test_dropout_was_active(whole_run: Path, shards: Path, tmp_path: Path) -> None:
    """Otherwise the test of resuming would not depend on the random generator."""
    without = _config(shards, model=TINY.model_dump() | {"dropout": 0.0}, steps=1)
    train(without, tmp_path / "run")
    (row,) = _rows(tmp_path / "run" / "metrics.csv")
    assert row["loss"] != _rows(whole_run / "metrics.csv")[0]["loss"]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_metrics_have_a_row_for_every_report(whole_run: Path, shards: Path, tmp_path: Path) -> None:
    rows = _rows(whole_run / "metrics.csv")
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [float(row["rate"]) for row in rows] == pytest.approx([5e-4, 1e-3, 1e-3, 1e-3, 1e-3, 5e-4])
    assert all(math.isfinite(float(row["loss"])) and float(row["loss"]) > 0 for row in rows)
    assert all(float(row["staves_per_s"]) > 0 for row in rows)
    # With a report every four steps, a row's loss is the mean since the previous row.
    train(_config(shards, report_every=4), tmp_path / "run")
    losses = [float(row["loss"]) for row in rows]
    fewer = {int(row["step"]): float(row["loss"]) for row in _rows(tmp_path / "run" / "metrics.csv")}
    assert fewer == pytest.approx({4: sum(losses[:4]) / 4, 6: sum(losses[4:]) / 2})


def test_a_resumed_run_reports_every_step_once(whole_run: Path, resumed_run: Path) -> None:
    for name, left_out in (("metrics.csv", {"staves_per_s"}), ("validation.csv", set())):
        whole, resumed = (_rows(folder / name) for folder in (whole_run, resumed_run))
        assert [{k: v for k, v in row.items() if k not in left_out} for row in resumed] == [
            {k: v for k, v in row.items() if k not in left_out} for row in whole
        ]


def test_validation_has_a_row_for_every_evaluation(whole_run: Path) -> None:
    rows = _rows(whole_run / "validation.csv")
    assert [int(row["step"]) for row in rows] == [4, 6]
    kinds = ("clean", "scan", "camera")
    rates = [f"{kind}_{rate}" for kind in kinds for rate in ("ser", "sequence_error_rate")]
    assert list(rows[0]) == ["step", *rates]
    for row in rows:  # after six steps no staff is read correctly
        for kind in kinds:
            assert float(row[f"{kind}_sequence_error_rate"]) == 100
        assert float(row["clean_ser"]) > 50


def test_the_run_folder_documents_the_run(whole_run: Path, shards: Path) -> None:
    stored = json.loads((whole_run / "config.json").read_text(encoding="utf-8"))
    assert make_config(stored, source="config.json") == _config(shards)
    environment = json.loads((whole_run / "environment.json").read_text(encoding="utf-8"))
    assert environment["config_digest"] == _config(shards).digest
    assert environment["plates"] == 6  # in the shard that is not held out
    assert environment["torch"] == torch.__version__
    assert {path.name for path in whole_run.iterdir()} == {
        *("config.json", "environment.json", "metrics.csv", "validation.csv", "last.pt", "previous.pt")
    }


def test_a_folder_that_holds_a_run_is_refused(whole_run: Path, shards: Path) -> None:
    before = (whole_run / "last.pt").read_bytes()
    with pytest.raises(ConfigError, match=r"whole: already holds a run"):
        train(_config(shards), whole_run)
    assert (whole_run / "last.pt").read_bytes() == before


def test_nothing_to_resume_is_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none: nothing to resume"):
        train(_config(shards), tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_resuming_with_another_network_is_refused(whole_run: Path, shards: Path) -> None:
    other = _config(shards, model={"channels": [4, 4, 4, 4, 4]}, steps=9)
    with pytest.raises(ModelError, match=r"last\.pt: weights do not match the network \(.+\)$"):
        train(other, whole_run, resume=True)


def test_starting_from_a_checkpoint_takes_its_weights(whole_run: Path, shards: Path, tmp_path: Path) -> None:
    still = {"rate": 1e-12, "weight_decay": 0.0}
    config = _config(shards, steps=1, optimizer=still, seed=8)
    train(config, tmp_path / "run", start_from=whole_run / "last.pt")
    source, got = (load_checkpoint(folder / "last.pt") for folder in (whole_run, tmp_path / "run"))
    assert got["step"] == 1
    moved = ("running_", "num_batches")
    assert source["codec"] == got["codec"]
    for name, value in source["model"].items():
        if not any(word in name for word in moved):
            torch.testing.assert_close(got["model"][name], value, atol=1e-9, rtol=0)


def test_a_run_that_cannot_start_leaves_no_folder(shards: Path, tmp_path: Path) -> None:
    empty = _config(shards, data={"shards": [str(tmp_path / "none")], "batch": 2})
    with pytest.raises(DataError, match=r"none: no shards; make them with"):
        train(empty, tmp_path / "runs" / "one")
    with pytest.raises(ModelError, match=r"nope\.pt: no such file"):  # before the data are listed
        train(empty, tmp_path / "runs" / "one", start_from=tmp_path / "nope.pt")
    assert not (tmp_path / "runs").exists()


def test_no_metrics_without_held_out_shards(shards: Path, tmp_path: Path) -> None:
    data = {"shards": [str(shards)], "batch": 2, "held_out": 0}
    assert train(_config(shards, data=data, steps=1), tmp_path / "run") == {}
    assert not (tmp_path / "run" / "validation.csv").exists()


def test_the_paper_preset_trains_on_plain_images(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("focal_omr.train.save_checkpoint", lambda *_, **__: None)  # it is 250 MB
    figures = train(_config(shards, model={"preset": "paper"}, steps=1), tmp_path / "run")
    assert figures.keys() == {"clean_ser", "clean_sequence_error_rate"}
    (row,) = _rows(tmp_path / "run" / "metrics.csv")
    assert 0 < float(row["loss"]) < math.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"shards": []}, "0 staves"), ({"batch": 7}, "6 staves"), ({"held_out": 2}, "2 shards")],
)
def test_too_little_data_is_refused(
    shards: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    data = {"shards": [str(shards)], "batch": 2, **changes}
    with pytest.raises(DataError, match=message):
        train(_config(shards, data=data), tmp_path / "run")


# Units ------------------------------------------------------------------------------------------------------


def test_learning_rate_schedule() -> None:
    config = OptimizerConfig(rate=0.8, warmup=4, cooldown=10)
    rates = [learning_rate(step, 50, config) for step in range(50)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert rates[4:41] == [0.8] * 37
    assert rates[40:] == pytest.approx([0.08 * left for left in range(10, 0, -1)])
    flat = OptimizerConfig(rate=0.8, warmup=0, cooldown=0)
    assert {learning_rate(step, 5, flat) for step in range(5)} == {0.8}


@pytest.mark.parametrize("kind", ["ctc", "focal_ctc"])
def test_the_loss_is_the_batch_mean_of_its_kind(kind: str) -> None:
    torch.manual_seed(6)
    log_probs = (2 * torch.randn(7, 3, 5)).log_softmax(-1)
    # The second sequence is read well, so that its focal loss is far from alpha times its CTC loss.
    log_probs[:, 1] = torch.full((7, 5), math.log(0.0025))
    log_probs[:, 1, 0] = math.log(0.99)
    log_probs[3, 1, [0, 2]] = log_probs[3, 1, [2, 0]]
    targets, lengths = torch.tensor([1, 2, 2, 4, 3]), torch.tensor([7, 7, 4])
    target_lengths = torch.tensor([2, 1, 2])
    nll = torch.nn.functional.ctc_loss(log_probs, targets, lengths, target_lengths, reduction="none")
    focal = 0.25 * (1 - torch.exp(-nll)) ** 2 * nll
    config = LossConfig(kind=kind, alpha=0.25, gamma=2.0)
    got = make_loss(config)(log_probs, targets, lengths, target_lengths)
    torch.testing.assert_close(got, (nll if kind == "ctc" else focal).mean())


def test_every_kind_of_loss_is_the_function_of_its_name() -> None:
    torch.manual_seed(6)
    log_probs = torch.randn(9, 2, 5).log_softmax(-1)
    batch = (log_probs, torch.tensor([1, 2, 2, 4]), torch.tensor([9, 7]), torch.tensor([2, 2]))
    counts, options = [0, 9, 3, 1, 1], {"alpha": 0.25, "gamma": 2.0}
    weights = class_balanced_weights(counts, beta=0.9)
    for config, expected in (
        (LossConfig(kind="length_focal_ctc", **options), length_focal_ctc_loss(*batch, **options)),
        (LossConfig(kind="symbol_focal_ctc", **options), symbol_focal_ctc_loss(*batch, **options)),
        (
            LossConfig(kind="symbol_focal_ctc", balance=0.9, **options),
            symbol_focal_ctc_loss(*batch, **options, class_weights=weights),
        ),
    ):
        torch.testing.assert_close(make_loss(config, counts)(*batch), expected)
    views = LossConfig(kind="ctc", consistency=0.3)
    twice = torch.cat((log_probs, log_probs.roll(1, 2)), 1)
    got = make_loss(views)(twice, batch[1].repeat(2), batch[2].repeat(2), batch[3].repeat(2))
    plain = focal_ctc_loss(
        twice, batch[1].repeat(2), batch[2].repeat(2), batch[3].repeat(2), alpha=1.0, gamma=0.0
    )
    apart = consistency_loss(twice[:, :2], twice[:, 2:], batch[2])
    assert apart > 0
    torch.testing.assert_close(got, plain + 0.3 * apart)


def test_two_views_class_balance_and_seen_symbols(shards: Path, tmp_path: Path) -> None:
    loss = {"kind": "symbol_focal_ctc", "balance": 0.9, "consistency": 0.2}
    own = str(write_shards_of_staves(tmp_path / "own", 3))
    data = {"shards": [str(shards)], "validation": [own], "batch": 2, "curriculum": 0, "degrade": 0.0}
    config = _config(shards, loss=loss, data=data, encoding="semantic", symbols="seen")
    figures = train(config, tmp_path / "run")
    assert set(figures) == {"clean_ser", "clean_sequence_error_rate"}
    symbols = load_checkpoint(tmp_path / "run" / "last.pt")["codec"].vocabulary.symbols
    assert symbols == tuple(sorted({token for label in labels() for token in label}))
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(math.isfinite(float(row["loss"])) and float(row["ctc"]) > 0 for row in rows)


def test_flushing_of_denormals_is_restored_after_training(shards: Path, tmp_path: Path) -> None:
    for flushed in (False, True):
        torch.set_flush_denormal(flushed)
        try:
            train(_config(shards, steps=1), tmp_path / str(flushed))
            assert (float(torch.tensor(1e-39) * 1) == 0) is flushed
        finally:
            torch.set_flush_denormal(False)


def test_plain_ctc_is_logged_for_every_loss(shards: Path, tmp_path: Path) -> None:
    for kind, factor in (("ctc", 1.0), ("focal_ctc", 0.5)):
        train(_config(shards, steps=1, loss={"kind": kind, "gamma": 0.0}), tmp_path / kind)
        with (tmp_path / kind / "metrics.csv").open() as file:
            (row,) = csv.DictReader(file)
        assert float(row["loss"]) == pytest.approx(factor * float(row["ctc"]), rel=1e-5)


def test_a_staff_with_too_few_frames_does_not_spoil_its_batch() -> None:
    log_probs = torch.randn(4, 2, 3).log_softmax(-1).requires_grad_()
    targets, lengths = torch.tensor([1, 1, 1, 2]), torch.tensor([4, 4])
    got = make_loss(LossConfig())(log_probs, targets, lengths, torch.tensor([3, 1]))  # three equal need 5
    got.backward()
    assert torch.isfinite(got)
    assert log_probs.grad is not None
    assert torch.isfinite(log_probs.grad).all()
    assert log_probs.grad[:, 1].any()
