import argparse
from typing import Annotated

import pytest
from pydantic import Field

from components.core.contracts.errors import ConfigurationError
from components.core.settings import ONLY_HOW, Settings, add_flags, as_flags, checked, given


class Oven(Settings):
    heat_c: float = Field(180.0, gt=0, description="heat")
    trays: int = Field(2, ge=1, description="trays")
    fan: bool = Field(False, description="fan, 100 % of the time")
    timer: Annotated[int, ONLY_HOW] = Field(5, description="minutes between two looks")


def parse(*argv: str) -> Oven:
    parser = argparse.ArgumentParser()
    add_flags(parser, Oven)
    return checked("bake", Oven, given(parser.parse_args(argv), Oven))


def test_flags_become_settings() -> None:
    assert parse("--heat-c", "200.5", "--fan", "true") == Oven(heat_c=200.5, trays=2, fan=True)


def test_numbers_that_kubeflow_turned_into_floats_come_back() -> None:
    assert parse(*as_flags({"heat_c": 200.0, "trays": 3.0, "fan": False})) == Oven(heat_c=200, trays=3)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"tray": 3}, "bake.tray: no such parameter; bake has: heat_c, trays, fan, timer"),
        ({"trays": 0}, "bake.trays: Input should be greater than or equal to 1, got 0"),
        ({"trays": "two"}, "bake.trays: Input should be a valid integer.*got 'two'"),
        ({"heat_c": "nan"}, "bake.heat_c: .*got 'nan'"),
        ({"fan": "perhaps"}, "bake.fan: .*got 'perhaps'"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_value(values: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        checked("bake", Oven, values)


def test_a_setting_of_how_only_is_no_part_of_what_decides() -> None:
    assert parse("--timer", "7").timer == 7
    assert Oven(timer=7).deciding() == Oven().deciding() == {"heat_c": 180.0, "trays": 2, "fan": False}
