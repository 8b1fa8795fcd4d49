import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.settings import checked
from components.train_model.settings import TrainModelSettings


def settings(**given: object) -> TrainModelSettings:
    return checked("train_model", TrainModelSettings, given)


def test_a_preset_sets_what_is_not_said() -> None:
    upstream = settings(preset="upstream", queries=16)

    form = upstream.form
    assert (form["queries"], form["qformer_layers"], form["mask_frames"], form["normalise"]) == (16, 6, False, False)
    assert settings(preset="desta").deciding() == settings().deciding()


def test_a_preset_is_no_part_of_the_key_but_what_it_sets_is() -> None:
    spelled_out = settings(queries=64, qformer_layers=6, mask_frames=False, normalise=False)

    assert settings(preset="upstream").deciding() == spelled_out.deciding() != settings().deciding()


def test_settings_that_were_written_out_are_read_back_as_they_are() -> None:
    chosen = settings(preset="upstream", normalise=True)

    assert settings(**chosen.model_dump(mode="json")) == chosen


@pytest.mark.parametrize(("text", "layers"), [("", None), ("3", (3,)), (" 7, 15,23 ,31", (7, 15, 23, 31))])
def test_layers_are_named_in_one_way(text: str, layers: tuple[int, ...] | None) -> None:
    assert settings(tapped_layers=text).layers == layers


@pytest.mark.parametrize("text", ["a", "3,1", "1,1", "-1", "1,,2", "1.5", "1;2"])
def test_what_is_no_list_of_layers_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^train_model\.tapped_layers: .*want layers in rising order"):
        settings(tapped_layers=text)


def test_a_preset_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^train_model\.preset: .*'desta' or 'upstream', got 'upstraem'"):
        settings(preset="upstraem")
