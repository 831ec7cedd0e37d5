"""The columns network: a position is a row, padding does not matter, the prior is where it starts."""

from functools import cache

import pytest
import torch
from tiny import COLUMNS, as_batch, random_strips, randomise
from torch import nn

from focal_omr.config import ModelConfig
from focal_omr.encodings.column_factors import FACTORS, OFFSETS, POSITIONS, WIDTH, column_vocabulary
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError
from focal_omr.model import ColumnNetwork, build_model, copy_matching_weights, frame_px, input_height_px
from focal_omr.staff.strip import STAFF_SPACE_PX


@cache
def _network() -> nn.Module:
    torch.manual_seed(1)
    return randomise(build_model(COLUMNS, column_vocabulary())).eval()


def _strips(*widths: int) -> list:
    return random_strips(*widths, height=input_height_px(COLUMNS))


def test_results_do_not_depend_on_the_batch() -> None:
    strips = _strips(97, 160, 33, 131)
    with torch.no_grad():
        together, lengths = _network()(*as_batch(strips, padded=192))
        for row, strip in enumerate(strips):
            alone, (length,) = _network()(*as_batch([strip]))
            assert length == lengths[row]
            torch.testing.assert_close(together[:length, row], alone[:length, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [32, 33, 34, 35, 37, 63])
def test_a_frame_is_four_pixels_and_an_incomplete_one_is_kept(width: int) -> None:
    with torch.no_grad():
        log_probs, lengths = _network()(*as_batch(_strips(width, 70)))
    assert lengths.tolist() == [-(-width // frame_px(COLUMNS)), 18]
    assert log_probs.shape == (18, 2, WIDTH)
    assert log_probs.dtype == torch.float32


def test_the_values_of_each_factor_are_a_distribution() -> None:
    with torch.no_grad():
        log_probs, _ = _network()(*as_batch(_strips(64)))
    sizes = [len(factor.values) for factor in FACTORS]
    for values in log_probs[:, 0].exp().split(sizes, -1):
        torch.testing.assert_close(values.sum(-1), torch.ones(16))


def test_a_dot_moved_by_a_step_moves_the_output_by_a_position() -> None:
    """Rows share their weights: without row embedding and the vector of the frame, the output is shifted."""
    torch.manual_seed(4)
    network = randomise(build_model(COLUMNS, column_vocabulary()))
    assert isinstance(network, ColumnNetwork)
    network.eval()
    with torch.no_grad():
        network.row_embedding.zero_()
        network.from_frame.weight.zero_()
    step = STAFF_SPACE_PX // 2
    strips = []
    for position in (3, 4):
        strip = torch.zeros(128, 64)
        middle = 80 - step * position  # row 80 is the lowest line
        strip[middle - 3 : middle + 4, 28:36] = 1
        strips.append(strip.numpy())
    with torch.no_grad():
        log_probs, _ = network(*as_batch(strips))
    first = OFFSETS[-4 * len(POSITIONS) - 1]
    rows = log_probs[..., first:].unflatten(2, (len(POSITIONS), -1))  # (T, B, 33, values)
    torch.testing.assert_close(rows[:, 0, 5:-5], rows[:, 1, 6:-4], atol=1e-5, rtol=0)
    paper = rows[:, 0].median(1, keepdim=True).values
    change = (rows[:, 0] - paper).abs().sum((0, 2))[5:-5]  # the outermost rows see the border
    assert int(change.argmax()) + 5 == 3 - POSITIONS[0]


def test_one_training_step_updates_every_parameter() -> None:
    torch.manual_seed(2)
    model = build_model(COLUMNS, column_vocabulary()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    log_probs, _ = model(*as_batch(_strips(96, 64)))
    (log_probs * torch.randn(log_probs.shape)).mean().backward()
    optimizer.step()
    unchanged = [name for name, value in model.state_dict().items() if torch.equal(value, before[name])]
    assert not unchanged


def test_the_prior_is_what_the_network_says_before_it_learned() -> None:
    torch.manual_seed(3)
    model = build_model(COLUMNS, column_vocabulary()).eval()
    assert isinstance(model, ColumnNetwork)
    counts = torch.randint(1, 1000, (WIDTH,))
    by_row = counts[OFFSETS[-4 * len(POSITIONS) - 1] :].view(len(POSITIONS), -1)
    by_row[:] = by_row[0].clone()  # positions share their biases
    model.set_prior(counts)
    with torch.no_grad():
        for layer in (model.frame_head, model.row_head):
            layer.weight.zero_()
        log_probs, _ = model(*as_batch(_strips(32)))
    smoothed = (counts + 1.0).split([len(factor.values) for factor in FACTORS])
    expected = torch.cat([part / part.sum() for part in smoothed])
    torch.testing.assert_close(log_probs[0, 0].exp(), expected, atol=1e-3, rtol=1e-2)


def test_size_of_the_shipped_network() -> None:
    model = build_model(ModelConfig(preset="columns", channels=(16, 48, 64, 96, 128)), column_vocabulary())
    assert 2e6 < sum(parameter.numel() for parameter in model.parameters()) < 3e6


def test_starting_from_another_table_matches_values_by_name() -> None:
    torch.manual_seed(5)
    symbols = column_vocabulary().symbols
    fewer = [name for name in symbols if not name.endswith(("kind=x", "advance=1/4"))]
    source = randomise(build_model(COLUMNS, Vocabulary(tuple(fewer))))
    model = build_model(COLUMNS, column_vocabulary())
    assert isinstance(source, ColumnNetwork)
    assert isinstance(model, ColumnNetwork)
    own = model.row_head.weight[model.row_names.index("kind=x")].clone()
    copy_matching_weights(model, source)
    torch.testing.assert_close(model.row_head.weight[model.row_names.index("kind=x")], own)
    for name in ("advance=1/8", "kind=notes", "multirest.units=9"):
        ours, theirs = model.frame_names.index(name), source.frame_names.index(name)
        torch.testing.assert_close(model.frame_head.weight[ours], source.frame_head.weight[theirs])
    torch.testing.assert_close(model.row_embedding, source.row_embedding)
    other = build_model(COLUMNS.model_copy(update={"hidden": 9}), column_vocabulary())
    with pytest.raises(ModelError, match="other layer sizes"):
        copy_matching_weights(other, source)
