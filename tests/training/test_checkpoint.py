"""Checkpoints: round trip, atomic writes, and files that are not checkpoints."""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from tiny import FEW, FEW_SYMBOLS, TINY, as_batch, random_strips
from torch import nn

from focal_omr.config import TrainConfig
from focal_omr.encodings.codec import Codec
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError
from focal_omr.model import build_model
from focal_omr.training.checkpoint import load_checkpoint, load_network, load_weights, save_checkpoint

CONFIG = TrainConfig(seed=3, model=TINY, encoding="semantic")


def _trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and an optimizer after one step, so that both have a state."""
    torch.manual_seed(0)
    model = build_model(TINY, FEW_SYMBOLS)
    optimizer = torch.optim.AdamW(model.parameters())
    log_probs, _ = model(*as_batch(random_strips(40, 32)))
    log_probs[:, :, 1].sum().backward()
    optimizer.step()
    return model, optimizer


def _save(path: Path, **changes: Any) -> tuple[nn.Module, torch.optim.Optimizer]:
    model, optimizer = _trained()
    values = {"codec": FEW, "model": model, "optimizer": optimizer, "step": 17, **changes}
    save_checkpoint(path, config=CONFIG, **values)
    return model, optimizer


def test_round_trip(tmp_path: Path) -> None:
    model, optimizer = _save(tmp_path / "last.pt")
    torch.rand(3)
    state = load_checkpoint(tmp_path / "last.pt")
    assert (state["config"], state["codec"], state["step"]) == (CONFIG, FEW, 17)
    assert state["model"].keys() == model.state_dict().keys()
    assert all(torch.equal(state["model"][name], value) for name, value in model.state_dict().items())
    for number, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            assert torch.equal(state["optimizer"]["state"][number][name], value)


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    _save(tmp_path / "last.pt")
    _save(tmp_path / "last.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_kill_while_writing_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    _save(path)
    before = path.read_bytes()

    def killed(_: object, file: BinaryIO) -> None:
        file.write(before[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        _save(path, step=18)
    assert path.read_bytes() == before


def test_weights_of_a_checkpoint_without_optimizer(tmp_path: Path) -> None:
    model, _ = _save(tmp_path / "weights.pt", optimizer=None)
    other = build_model(TINY, FEW_SYMBOLS)
    state = load_weights(tmp_path / "weights.pt", other, FEW)
    assert state["optimizer"] is None
    assert all(torch.equal(other.state_dict()[name], value) for name, value in model.state_dict().items())


def test_weights_of_another_network_or_vocabulary_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    _save(path)
    wider = build_model(TINY.model_copy(update={"hidden": 9}), FEW_SYMBOLS)
    with pytest.raises(ModelError, match=r"last\.pt: weights do not match the network"):
        load_weights(path, wider, FEW)
    turned = Vocabulary(FEW_SYMBOLS.symbols[::-1])
    with pytest.raises(ModelError, match=r"last\.pt: trained with a different vocabulary \(7 symbols\)"):
        load_weights(path, build_model(TINY, turned), Codec("semantic", turned))
    with pytest.raises(ModelError, match="different vocabulary"):
        load_weights(path, build_model(TINY, FEW_SYMBOLS), Codec("printed", FEW_SYMBOLS))


def test_a_network_is_built_from_a_checkpoint(tmp_path: Path) -> None:
    model, _ = _save(tmp_path / "last.pt")
    network, state = load_network(tmp_path / "last.pt")
    assert state["step"] == 17
    batch = as_batch(random_strips(40, 33))
    with torch.no_grad():
        assert torch.equal(network.eval()(*batch)[0], model.eval()(*batch)[0])


def test_files_that_are_not_checkpoints_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.pt"
    _save(good)
    whole = good.read_bytes()
    state = torch.load(good, weights_only=True)
    foreign: dict[str, Any] = {
        "tensor": torch.zeros(3),
        "list": [1, 2],
        "weights": {"a": torch.zeros(2)},
        "version": {**state, "format": 2},
        "empty": {"format": 1},
        "no_step": {key: value for key, value in state.items() if key != "step"},
        "config": {**state, "config": {"stepps": 3}},
        "symbols": {**state, "vocabulary": "tie\ntie\n"},
    }
    for name, value in foreign.items():
        torch.save(value, tmp_path / f"{name}.pt")
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.pt").write_text("no checkpoint", encoding="utf-8")
    (tmp_path / "nothing.pt").write_bytes(b"")
    (tmp_path / "folder.pt").mkdir()
    for name in (*foreign, "cut", "text", "nothing", "folder", "missing"):
        with pytest.raises(ModelError, match=rf"{name}\.pt: .") as raised:
            load_checkpoint(tmp_path / f"{name}.pt")
        assert "\n" not in str(raised.value)
    assert load_checkpoint(good)["step"] == 17


class _Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_loading_runs_no_code_from_the_file(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({"format": 1, "trap": _Trap(sprung)}, tmp_path / "trap.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"format": 1, "trap": _Trap(sprung)}))
    for name in ("trap", "plain"):
        with pytest.raises(ModelError, match=name):
            load_checkpoint(tmp_path / f"{name}.pt")
    assert not sprung.exists()
