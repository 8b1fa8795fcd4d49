"""A rate card is read strictly, and what it does not price has no price."""

from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.cost.devices import CORE, Devices
from pipelines.cost.rates import SHIPPED, rate_card

CARD = """currency: EUR
said_by: us
said_on: 2026-11-01
device_hour: {cpu core: 2.0}
storage_gb_month: 0.5
"""


def test_the_homes_own_card_comes_before_the_example_and_a_named_file_before_both(home: Home, tmp_path: Path) -> None:
    assert rate_card(None, home).currency == "USD"
    home.root.mkdir()
    (home.root / "rate-card.yaml").write_text(CARD)
    assert rate_card(None, home).currency == "EUR"
    (tmp_path / "other.yaml").write_text(CARD.replace("EUR", "CHF"))
    assert rate_card(tmp_path / "other.yaml", home).currency == "CHF"


def test_the_example_says_that_it_is_nobodys_offer(home: Home) -> None:
    assert "not an offer" in str(rate_card(SHIPPED, home))


def test_a_device_without_a_price_costs_an_unknown_sum_and_not_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(CARD)
    card = rate_card(tmp_path / "card.yaml", home)
    assert card.money_for(Devices(name=CORE, count=2), 3.0) == 6.0
    assert card.money_for(Devices(name="NVIDIA L4", count=1), 3.0) is None
    assert card.money_for(None, 3.0) is None


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("cpu core: 2.0", "cpu core: -2.0", "device_hour.cpu core"),
        ("cpu core: 2.0", "cpu core: .nan", "device_hour.cpu core"),
        ("cpu core: 2.0", "cpu core: cheap", "device_hour.cpu core"),
        ("currency: EUR", "currency: euro", "currency"),
        ("said_by: us", "said_bye: us", "said_by"),
        ("said_on: 2026-11-01", "said_on: lately", "said_on"),
        (CARD, "- a list", "the file"),
        (CARD, "a: [", "not a rate card"),
    ],
)
def test_a_fault_of_a_card_is_one_line_that_names_it(
    home: Home, tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    (tmp_path / "card.yaml").write_text(CARD.replace(right, wrong))
    with pytest.raises(ConfigurationError, match=told) as raised:
        rate_card(tmp_path / "card.yaml", home)
    assert "\n" not in str(raised.value)
