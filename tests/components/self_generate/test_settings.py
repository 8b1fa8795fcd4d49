import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.settings import checked
from components.self_generate.settings import SelfGenerateSettings


def test_who_is_asked_and_how_patiently_is_no_part_of_what_is_asked() -> None:
    asked = SelfGenerateSettings(server="https://a:8000/, http://b", concurrency=9, retries=0, timeout_s=3)
    assert asked.servers == ("https://a:8000", "http://b")
    assert SelfGenerateSettings().servers == ()
    assert asked.deciding() == SelfGenerateSettings().deciding()
    assert asked.deciding() != SelfGenerateSettings(temperature=1).deciding()


@pytest.mark.parametrize(("name", "value"), [("temperature", "1e-50"), ("top_p", "1e-50"), ("seed", "9" * 30)])
def test_a_draw_that_no_engine_can_make_is_one_clear_error(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^self_generate\.{name}: Input should be .*, got '{value}'$"):
        checked("self_generate", SelfGenerateSettings, {name: value})


@pytest.mark.parametrize("server", ["models:8000", "ftp://models", "http://", "http://models:99999", "http://models:0"])
def test_server_that_has_no_address_is_one_clear_error(server: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^self_generate\.server: .*, got '{server}'$"):
        checked("self_generate", SelfGenerateSettings, {"server": server})


def test_over_how_many_gpus_is_no_part_of_what_is_asked() -> None:
    assert SelfGenerateSettings(tensor_parallel=4).deciding() == SelfGenerateSettings().deciding()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"server": "http://a,http://b/,http://a/"}, r"server: http://a is there twice"),
        ({"server": "http://a,"}, r"server: want an address .*, got ''"),
        ({"server": "http://a,models:8000"}, r"server: want an address .*, got 'models:8000'"),
        ({"server": "http://a", "tensor_parallel": "2"}, r"server: tensor_parallel is for vLLM in this process"),
        ({"tensor_parallel": "0"}, r"tensor_parallel: .*, got '0'"),
    ],
)
def test_servers_and_gpus_that_do_not_go_are_one_clear_error(values: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^self_generate\.{line}"):
        checked("self_generate", SelfGenerateSettings, values)


@pytest.mark.parametrize("server", ["http://me:sesame@models", "http://sesame@models", "https://models?key=sesame"])
def test_secret_in_an_address_is_refused_and_not_repeated(server: str) -> None:
    with pytest.raises(ConfigurationError, match="DESTA_SERVER_KEY") as refused:
        checked("self_generate", SelfGenerateSettings, {"server": server})
    assert "sesame" not in str(refused.value)
