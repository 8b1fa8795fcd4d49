from inspect import signature

from components.core.settings import as_flags, checked, given
from components.self_generate.__main__ import NAME, parser
from components.self_generate.component import self_generate
from components.self_generate.settings import SelfGenerateSettings


def test_wrapper_and_command_line_name_the_same_things() -> None:
    flags = {action.dest for action in parser()._actions} - {"help"}
    parameters = set(signature(self_generate.python_func).parameters)
    assert flags == (parameters - {"settings"}) | set(SelfGenerateSettings.model_fields)


def test_settings_survive_the_way_through_kubeflow() -> None:
    settings = SelfGenerateSettings(server="http://localhost:8000")
    sent = {name: value if isinstance(value, str) else float(value) for name, value in settings.model_dump().items()}
    places = ["--descriptions", "d", "--llm", "m", "--samples", "s"]
    args = parser().parse_args([*places, *as_flags(sent)])
    assert checked(NAME, SelfGenerateSettings, given(args, SelfGenerateSettings)) == settings
