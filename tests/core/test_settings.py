import argparse
from typing import Annotated

import pytest
from pydantic import Field, Json

from components.core.contracts.errors import ConfigurationError
from components.core.settings import ONLY_HOW, Settings, add_flags, as_flags, checked, flat, given


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


class Kitchen(Settings):
    ovens: Json[dict[str, int]] = Field(default_factory=dict, description="how many of which (default: none)")


def test_a_mapping_goes_through_a_flag_as_json() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Kitchen)
    args = parser.parse_args(as_flags({"ovens": {"a b": 1.0}}))
    assert checked("cook", Kitchen, given(args, Kitchen)).ovens == {"a b": 1}


def test_a_default_that_is_made_is_told_by_its_description(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Kitchen)
    parser.print_help()
    assert "how many of which (default: none)\n" in capsys.readouterr().out


def test_settings_inside_settings_have_dotted_names_and_free_names_stay_together() -> None:
    nested = {"heat_c": 1, "policy": {"gates": {"most": 2}, "corpus": {"a b": {"most": 3}}, "none": {}}}
    assert dict(flat(nested)) == {
        "heat_c": 1,
        "policy.gates.most": 2,
        "policy.corpus": {"a b": {"most": 3}},
    }


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
