"""All ways of feeding bring the same canvases, and the table of them can be made."""

import pytest
import torch

from tests.benchmarks.feeding import RESIDENT, epoch_of_the_chip, feeding, made_canvas, ways
from tests.benchmarks.table import as_table

SMALL = {"tree_sizes": [3, 8], "weight_ranges": [5]}


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """What each way brings of seven items, in another order unless it reads in order."""
    folder, order = tmp_path_factory.mktemp("feeding"), torch.tensor([4, 0, 6, 3, 5, 1, 2])
    made = ways(made_canvas(7, **SMALL), folder, torch.device("cpu"), batch=7)
    back = order.argsort()
    return {
        label: way.channels(torch.arange(7)) if way.in_order else way.channels(order)[back]
        for label, way in made.items()
    }


def test_ways__bring_the_same_values(channels):
    expected = channels[RESIDENT]
    mask = expected[:, -1].bool()
    assert expected.shape == (7, 5, 32, 32)  # 510 functions under two conditions
    assert 0.2 < mask.float().mean() < 1  # some pixels are undefined
    exact = [label for label in channels if "PNG" not in label]
    assert len(exact) == 4
    for label in exact:
        torch.testing.assert_close(channels[label], expected, rtol=0, atol=0)
    (label,) = set(channels) - set(exact)
    lost = channels[label][:, 1:4] - (expected[:, 1:4] + expected[:, :1])  # grey is in all three
    lost = lost.movedim(1, -1)[mask]
    assert 0 < lost.abs().max() < 1 / 255
    assert not channels[label][:, [0, 4]].any()


def test_ways__a_batch_in_order_may_be_any_part(tmp_path):
    made = ways(made_canvas(7, **SMALL), tmp_path, torch.device("cpu"), batch=3)
    for items in torch.arange(7).split(3):
        parts = [way.channels(items) for label, way in made.items() if "PNG" not in label]
        assert all(torch.equal(part, parts[0]) for part in parts)


def test_feeding__every_way_has_a_row():
    sections = [*feeding(n_genes=9, batch=4, rounds=3, steps=2, **SMALL)]
    assert len(sections) == 1 + torch.cuda.is_available()
    for section in sections:
        assert len(section.rows) == 5
        for label, (speed, ratio, size) in section.rows:
            assert float(speed.replace(",", "")) > 0
            assert float(ratio) > 0
            assert float(size.replace(",", "")) > 0
            assert label != RESIDENT or ratio == "1.00"
    sections.append(epoch_of_the_chip(n_genes=70))
    for _, cells in sections[-1].rows:
        assert cells[2:] == ["666", "36,864"]
    assert as_table(sections).row_count == sum(1 + len(section.rows) for section in sections)
