"""The policy: what it says, what it may not say, and that its content decides and not its name."""

from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.validate_data.policy import POLICIES, Policy
from components.validate_data.settings import ValidateDataSettings

SHIPPED = Path("components/validate_data/policy.yaml")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A policy file with thresholds by domain and by corpus."""
    file = tmp_path / "mine.yaml"
    own = "domain: {sound: {max_compression: 4, max_same_answers: 2}}\n  corpus: {street-noise: {max_compression: 5}}"
    file.write_text(_shipped().replace("domain: {}\n  corpus: {}", own).replace('version: "1"', "version: ours"))
    return file


def _shipped() -> str:
    return (Path(__file__).parents[3] / SHIPPED).read_text()


def test_the_most_specific_threshold_wins(written: Path) -> None:
    policy = POLICIES.read(written)
    wanted = {
        ("speech", "other"): 3,
        ("sound", "other"): 4,
        ("sound", "street-noise"): 5,
        ("speech", "street-noise"): 5,
    }
    assert {place: policy.rules.limits(*place)["max_compression"] for place in wanted} == wanted
    assert policy.rules.limits("sound", "street-noise")["max_same_answers"] == 2
    assert policy.rules.limits("sound", None).keys() == policy.rules.limits("music", "street-noise").keys()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("max_compression: 3.0", "max_compresion: 3.0", "rules.default.max_compresion: no such threshold"),
        ("max_compression: 3.0", "max_compression: three", "max_compression: Input should be a valid number.*'three'"),
        ("max_compression: 3.0", "max_compression: true", "max_compression: Input should be a valid number.*'true'"),
        ("max_same_answers: 1 ", "max_same_answers: 1.5 ", "max_same_answers: Input should be a valid integer"),
        ("max_nll: 2.0", "max_nll: .nan", "gates.max_nll: "),
        ("max_nll: 2.0", "", "gates.max_nll: is missing"),
        ("    max_copied_attributes: 0 ", "    # ", "rules.default: max_copied_attributes is missing"),
        ("domain: {}", "domain: {speach: {max_compression: 4}}", "rules.domain.speach: Input should be 'speech'"),
        ("domain: {}", "domain: {sound: {max_nll: 4}}", "rules.domain.sound.max_nll: no such threshold"),
        ("corpus: {}", "corpus: {x: {max_compression: 0}}", "rules.corpus.x.max_compression: Input should be greater"),
        ("gates:", "gate:", "gates: is missing|gate: no such"),
        ("gates:", "gates: [", "mend it: "),
        ('version: "1"', "", "version: is missing"),
    ],
)
def test_what_is_wrong_in_a_policy_is_one_line(before: str, after: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert before in _shipped()
    file.write_text(_shipped().replace(before, after))
    with pytest.raises(ConfigurationError, match=rf"^validate_data.policy: .*mine.yaml: .*(?:{said})") as caught:
        POLICIES.read(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "just words", "- a list", "\x00"])
def test_a_file_that_is_no_policy_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        POLICIES.read(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("min_acceptance=0.2", "want name=value, such as gates.min_acceptance=0.2"),
        ("gates.min_acceptance", "want name=value"),
        ("gates.min_acceptence=0.2", "gates.min_acceptence: no such threshold"),
        ("gates.min_acceptance=2", "gates.min_acceptance: Input should be less than or equal to 1"),
        ("version.x=2", "version.x: no such threshold"),
    ],
)
def test_a_wrong_change_is_one_line(changes: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        ValidateDataSettings(thresholds=changes)


def test_a_run_can_change_thresholds_and_the_version_says_so() -> None:
    changed = ValidateDataSettings(thresholds="gates.min_acceptance=0.2, rules.corpus.a.b.max_compression=4").policy
    assert changed.gates.min_acceptance == 0.2
    assert changed.rules.limits("speech", "a.b")["max_compression"] == 4
    assert changed.version == "1+changed"
    again = ValidateDataSettings.model_validate({"policy": changed, "thresholds": "gates.max_nll=3"}).policy
    assert (again.gates.min_acceptance, again.gates.max_nll, again.version) == (0.2, 3.0, "1+changed")


def test_the_content_of_a_policy_decides_and_not_its_name(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text("# the same\n" + written.read_text())
    mine, same, standard = (ValidateDataSettings.model_validate({"policy": p}) for p in (written, copy, "standard"))
    assert mine.deciding() == same.deciding() != standard.deciding()
    assert str(tmp_path) not in str(mine.deciding())


def test_a_policy_survives_being_written_as_json() -> None:
    policy = POLICIES.read("standard", "rules.domain.music.max_repeated_share=0.5")
    assert POLICIES.read(policy.model_dump_json()) == policy == Policy.model_validate(policy.model_dump(mode="json"))
    assert POLICIES.standard().model_dump(mode="json")["rules"]["domain"] == {}


def test_the_content_of_a_blocklist_decides_and_not_its_name(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    first.write_text(f"{'a' * 64}  a.wav\n{'b' * 64}\n")
    second.write_text(f"# comment\n{'b' * 64}\n{'a' * 64}\n")
    other.write_text("a" * 64)
    digests = [ValidateDataSettings(blocklist=str(file)).deciding()["blocklist"] for file in (first, second, other)]
    assert digests[0] == digests[1] != digests[2]
    assert ValidateDataSettings().deciding()["blocklist"] == ""


def test_a_line_of_a_blocklist_that_is_no_digest_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{'a' * 64}\nsong.wav\n")
    with pytest.raises(ConfigurationError, match=r"list:2: 'song.wav' is no sha256"):
        ValidateDataSettings(blocklist=str(tmp_path / "list")).deciding()
