"""The networks compared with torch's layers, with the published architecture, and across batches."""

from functools import cache

import pytest
import torch
from tiny import FEW_SYMBOLS, PAPER, TINY, as_batch, random_strips, randomise
from torch import nn

from focal_omr.config import ModelConfig
from focal_omr.encodings.factors import symbol_factors
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError
from focal_omr.model import (
    BidirectionalLstm,
    Crnn,
    FactorisedLinear,
    PaperCrnn,
    build_model,
    copy_matching_weights,
    frame_px,
    input_height_px,
)

PRESETS = pytest.mark.parametrize("config", [TINY, PAPER], ids=["default", "paper"])


@cache
def _network(config: ModelConfig) -> nn.Module:
    torch.manual_seed(1)
    return randomise(build_model(config, FEW_SYMBOLS)).eval()


@PRESETS
def test_results_do_not_depend_on_the_batch(config: ModelConfig) -> None:
    strips = random_strips(97, 160, 33, 131, height=input_height_px(config))
    model = _network(config)
    with torch.no_grad():
        together, lengths = model(*as_batch(strips, padded=192))
        for row, strip in enumerate(strips):
            alone, (length,) = model(*as_batch([strip]))
            assert length == lengths[row]
            torch.testing.assert_close(together[:length, row], alone[:length, 0], atol=1e-5, rtol=0)


@PRESETS
def test_results_do_not_depend_on_the_order_in_a_batch(config: ModelConfig) -> None:
    strips = random_strips(64, 100, 49, height=input_height_px(config))
    model = _network(config)
    with torch.no_grad():
        ahead, lengths = model(*as_batch(strips))
        turned, turned_lengths = model(*as_batch(strips[::-1]))
    assert turned_lengths.tolist() == lengths.tolist()[::-1]
    for row, length in enumerate(lengths):
        torch.testing.assert_close(ahead[:length, row], turned[:length, 2 - row], atol=1e-5, rtol=0)


@PRESETS
@pytest.mark.parametrize("width", [32, 33, 47, 50, 63])
def test_shapes_and_lengths_for_odd_widths(config: ModelConfig, width: int) -> None:
    model = _network(config)
    with torch.no_grad():
        log_probs, lengths = model(
            *as_batch(random_strips(width, 70, height=input_height_px(config)), padded=96)
        )
    # The default network keeps an incomplete last frame, the published one drops it.
    frames = -(-width // 4) if config.preset == "default" else width // 16
    assert lengths.tolist() == [frames, 18 if config.preset == "default" else 4]
    assert log_probs.shape == (96 // frame_px(config), 2, FEW_SYMBOLS.classes)
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(log_probs.shape[:2]))


@PRESETS
def test_one_training_step_updates_every_parameter(config: ModelConfig) -> None:
    torch.manual_seed(2)
    model = build_model(config, FEW_SYMBOLS).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    log_probs, lengths = model(*as_batch(random_strips(96, 64, height=input_height_px(config))))
    loss = nn.functional.ctc_loss(log_probs, torch.tensor([[1, 2], [3, 4]]), lengths, torch.tensor([2, 2]))
    loss.backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    unchanged = [name for name, value in model.state_dict().items() if torch.equal(value, before[name])]
    assert not unchanged


def test_the_paper_network_has_the_layers_of_2018() -> None:
    model = PaperCrnn(classes=1782)
    layers = [type(layer).__name__ for layer in model.convolutions]
    assert layers == ["Conv2d", "BatchNorm2d", "LeakyReLU", "MaxPool2d"] * 4
    shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
    for number, (before, after) in enumerate([(1, 32), (32, 64), (64, 128), (128, 256)]):
        assert shapes[f"convolutions.{4 * number}.weight"] == (after, before, 3, 3)
        assert model.convolutions[4 * number + 2].negative_slope == 0.2
        assert model.convolutions[4 * number + 3].kernel_size == 2
    # 2048 = 256 channels of 128 / 16 rows; the four gates of 512 units; both directions, two layers.
    for direction in ("", "_reverse"):
        assert shapes[f"recurrent.weight_ih_l0{direction}"] == (4 * 512, 2048)
        assert shapes[f"recurrent.weight_ih_l1{direction}"] == (4 * 512, 2 * 512)
    assert "recurrent.weight_ih_l2" not in shapes
    assert model.recurrent.dropout == 0.5
    assert shapes["head.weight"] == (1782, 2 * 512)
    convolutions = sum(9 * a * b + 3 * b for a, b in [(1, 32), (32, 64), (64, 128), (128, 256)])
    recurrent = 2 * (2048 * (2048 + 512 + 2) + 2048 * (1024 + 512 + 2))
    assert sum(p.numel() for p in model.parameters()) == convolutions + recurrent + 1782 * 1025


def test_the_paper_network_downsamples_by_16() -> None:
    features = PaperCrnn(classes=3).convolutions(torch.zeros(1, 1, 128, 160))
    assert features.shape == (1, 256, 8, 10)


def test_bidirectional_lstm_equals_torchs_packed_lstm() -> None:
    torch.manual_seed(3)
    ours, theirs = BidirectionalLstm(5, 7), nn.LSTM(5, 7, bidirectional=True)
    for name, parameter in ours.ahead.named_parameters():
        getattr(theirs, name).data.copy_(parameter)
    for name, parameter in ours.back.named_parameters():
        getattr(theirs, f"{name}_reverse").data.copy_(parameter)
    x, lengths = torch.randn(9, 4, 5), torch.tensor([9, 1, 6, 4])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0])
    got = ours(x, lengths)
    assert got.shape == (9, 4, 14)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(got[:length, row], expected[:length, row])


def _head() -> FactorisedLinear:
    torch.manual_seed(4)
    head = randomise(FactorisedLinear(6, FEW_SYMBOLS))
    assert isinstance(head, FactorisedLinear)
    return head


def test_folded_factors_equal_a_plain_linear_layer() -> None:
    head, x = _head(), torch.randn(3, 2, 6)
    plain = nn.Linear(6, FEW_SYMBOLS.classes)
    weight, bias = head.folded()
    plain.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    torch.testing.assert_close(plain(x), head(x))


def test_a_logit_is_the_sum_of_its_factors_and_its_own_weight() -> None:
    head, x = _head(), torch.randn(6)
    each = [("blank",), *(symbol_factors(symbol) for symbol in FEW_SYMBOLS.symbols)]
    names = sorted({name for factors in each for name in factors})
    rows = {name: head.factor_weight[row] @ x + head.factor_bias[row] for row, name in enumerate(names)}
    for number, (factors, logit) in enumerate(zip(each, head(x), strict=True)):
        own = head.own_weight[number] @ x + head.own_bias[number]
        torch.testing.assert_close(logit, sum(rows[name] for name in set(factors)) + own)


def test_without_own_weights_pitch_and_duration_are_additive() -> None:
    head = _head()
    with torch.no_grad():
        head.own_weight.zero_()
        head.own_bias.zero_()
        logits = dict(zip(("blank", *FEW_SYMBOLS.symbols), head(torch.randn(6)), strict=True))
    longer_c = logits["note-C4_half"] - logits["note-C4_quarter"]
    longer_d = logits["note-D4_half"] - logits["note-D4_quarter"]
    torch.testing.assert_close(longer_c, longer_d)
    assert abs(longer_c) > 1e-3


def test_unfactorised_head() -> None:
    model = build_model(TINY.model_copy(update={"factorised": False}), FEW_SYMBOLS)
    assert isinstance(model, Crnn)
    assert isinstance(model.head, nn.Linear)
    log_probs, _ = model(*as_batch(random_strips(40)))
    assert log_probs.shape == (10, 1, FEW_SYMBOLS.classes)


def test_matching_weights_are_copied_by_name() -> None:
    """The vocabularies have different orders, and each has symbols that the other lacks."""
    torch.manual_seed(7)
    other = Vocabulary(("tie", "note-C4_half", "rest-half", "note-E4_quarter", "clef-G2"))
    source, model = randomise(build_model(TINY, other)), build_model(TINY, FEW_SYMBOLS)
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    copy_matching_weights(model, source)
    batch = as_batch(random_strips(60, 41))
    with torch.no_grad():
        expected, got = (each.eval()(*batch)[0] for each in (source, model))
    # Shared symbols keep their relative odds; softmax is over other classes than before.
    shared = [symbol for symbol in FEW_SYMBOLS.symbols if symbol in other]
    assert shared == ["clef-G2", "note-C4_half", "tie"]
    theirs = expected[..., [0, *other.encode(shared)]]
    ours = got[..., [0, *FEW_SYMBOLS.encode(shared)]]
    torch.testing.assert_close(ours - ours[..., :1], theirs - theirs[..., :1], atol=1e-4, rtol=1e-4)
    # Unmatched weights stay random; an unmatched note still gets its matched factors.
    row = model.head.factor_rows["pitch D4"]
    assert torch.equal(model.head.factor_weight[row], fresh["head.factor_weight"][row])
    assert not torch.equal(model.head.factor_weight, fresh["head.factor_weight"])


def test_weights_of_a_network_of_other_sizes_are_refused() -> None:
    wider = build_model(TINY.model_copy(update={"hidden": 9}), FEW_SYMBOLS)
    with pytest.raises(ModelError, match="other layer sizes"):
        copy_matching_weights(build_model(TINY, FEW_SYMBOLS), wider)
    plain = build_model(TINY.model_copy(update={"factorised": False}), FEW_SYMBOLS)
    with pytest.raises(ModelError, match="another output layer"):
        copy_matching_weights(build_model(TINY, FEW_SYMBOLS), plain)
