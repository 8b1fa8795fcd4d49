"""A bundle verifies as it was written, and after no change at all to it, to its run's records, or to the journal."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.contracts.errors import ContractError
from components.core.home import Home
from components.core.runs import read_run, write_run
from pipelines.bundle.signing import SIGNATURE, public_key_file, sign, signing_key
from pipelines.bundle.verification import verify_bundle
from pipelines.cli import main
from pipelines.journal import Event, journal_file, read_journal, record_event
from tests.pipelines.bundle.making import make_bundle

Change = Callable[[Path, random.Random], None]


def verify_by_command(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["verify", *argv])
    said = capsys.readouterr()
    return int(str(ended.value.code)), said.out, said.err


def files_of(bundle: Path) -> list[Path]:
    return sorted(file for file in bundle.rglob("*") if file.is_file())


def flip(file: Path, draw: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
    file.write_bytes(content)


def cut_off(file: Path, draw: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: draw.randrange(len(content))])


def add_to_it(file: Path, draw: random.Random) -> None:
    file.write_bytes(file.read_bytes() + draw.choice([b"\n", b" ", b"\0", b"{}"]))


def delete(file: Path, _: random.Random) -> None:
    file.unlink()


def rename(file: Path, draw: random.Random) -> None:
    file.rename(file.with_name(draw.choice([f"{file.name}.bak", file.name.upper(), f".{file.name}"])))


def link(file: Path, _: random.Random) -> None:
    file.rename(file.parents[1] / "elsewhere")
    file.symlink_to(file.parents[1] / "elsewhere")


def swap(file: Path, draw: random.Random) -> None:
    other = draw.choice([each for each in files_of(file.parent) if each != file])
    content = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(content)


def put_beside(file: Path, draw: random.Random) -> None:
    name = draw.choice([".gitignore", ".gitattributes", "notes.txt", ".git/config", ".github/a.yaml", "bundle.sig.old"])
    (file.parent / name).parent.mkdir(exist_ok=True)
    (file.parent / name).write_text("")


CHANGES: list[Change] = [flip, cut_off, add_to_it, delete, rename, link, swap, put_beside]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_to_any_file_is_one_line_and_exit_code_1(
    change: Change, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, file in enumerate(files_of(bundle)):
        copy = Path(shutil.copytree(bundle, tmp_path / str(number) / "bundle"))
        change(copy / file.relative_to(bundle), random.Random(number))  # noqa: S311 - no secret is drawn
        code, _, err = verify_by_command(capsys, "--bundle", str(copy))
        assert (code, err.count("\n")) == (1, 1), (file, err)
        assert err.startswith(f"error: {copy}")
    assert verify_by_command(capsys, "--bundle", str(bundle))[0] == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_any_flipped_byte_of_any_file_is_found(bundle: Path, home: Home, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(files_of(bundle)))
    content = file.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    file.write_bytes(content[:place] + flipped + content[place + 1 :])
    try:
        with pytest.raises(ContractError) as found:
            list(verify_bundle(bundle, None, home))
        assert "\n" not in str(found.value)
    finally:
        file.write_bytes(content)


def test_every_bit_of_the_signature_counts(bundle: Path, home: Home) -> None:
    """Base64 has bits that decode to nothing, and JSON has spaces."""
    file = bundle / SIGNATURE
    content = file.read_bytes()
    for place in range(0, len(content), 19):
        for bit in (1, 2, 4, 32):
            file.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            with pytest.raises(ContractError):
                list(verify_bundle(bundle, None, home))


def test_the_signature_of_another_key_is_refused_and_that_key_named(
    handed_over: Path, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Home(tmp_path / "other home")
    sign(handed_over, signing_key(other))
    code, _, err = verify_by_command(capsys, "--bundle", str(handed_over))
    assert code == 1
    assert "was made with the key" in err
    assert verify_by_command(capsys, "--bundle", str(handed_over), "--key", str(public_key_file(other)))[0] == 0
    other_key = verify_by_command(capsys, "--bundle", "r1", "--key", str(public_key_file(other)))
    assert other_key[0] == 1
    assert str(public_key_file(home)) not in other_key[2]


def test_a_signature_that_claims_our_key_and_was_made_with_another_is_refused(
    handed_over: Path, home: Home, tmp_path: Path
) -> None:
    ours = json.loads((handed_over / SIGNATURE).read_text())["verificationMaterial"]
    sign(handed_over, signing_key(Home(tmp_path / "other home")))
    forged = {**json.loads((handed_over / SIGNATURE).read_text()), "verificationMaterial": ours}
    (handed_over / SIGNATURE).write_text(json.dumps(forged, separators=(",", ":")))
    with pytest.raises(ContractError, match="was not made with the key that it names"):
        list(verify_bundle(handed_over, None, home))


def test_a_bundle_of_the_same_key_in_the_place_of_a_run_s_own_is_found(bundle: Path, home: Home) -> None:
    (bundle / "metrics.json").write_text('{"audio_gain": 9}')
    sign(bundle, signing_key(home))
    with pytest.raises(ContractError, match=r"is not the bundle [0-9a-f]{64} that the journal names"):
        list(verify_bundle(bundle, None, home))


def test_a_signed_manifest_that_was_changed_before_does_not_have_its_digest(bundle: Path, home: Home) -> None:
    file = bundle / "manifests" / "model.json"
    manifest = json.loads(file.read_text())
    manifest["facts"]["steps"] = 9
    file.write_text(json.dumps(manifest))
    sign(bundle, signing_key(home))
    with pytest.raises(ContractError, match=r"model\.json: does not have the digest"):
        list(verify_bundle(bundle, None, home))


def test_records_of_the_run_that_were_changed_since_are_found(bundle: Path, home: Home) -> None:
    run_dir = bundle.parent
    (run_dir / "pipeline.yaml").write_text("# another\n")
    with pytest.raises(ContractError, match=r"pipeline\.yaml: it is not what .* says"):
        list(verify_bundle(bundle, None, home))
    shutil.copy(bundle / "pipeline.yaml", run_dir)
    write_run(run_dir, read_run(run_dir).model_copy(update={"parameters": {"llm": "another"}}))
    with pytest.raises(ContractError, match=r"its parameters is not what .*run\.json says"):
        list(verify_bundle(bundle, None, home))


def test_another_result_of_the_run_is_found(bundle: Path, home: Home) -> None:
    file = bundle.parent / "stages" / "train_model.json"
    digest = json.loads((bundle / "bundle.json").read_text())["results"]["model"]
    file.write_text(file.read_text().replace(digest, "0" * 64))
    with pytest.raises(ContractError, match=r"manifests/model\.json: its digest is not what"):
        list(verify_bundle(bundle, None, home))


def test_after_an_erasure_the_bundle_still_verifies_though_the_records_changed(bundle: Path, home: Home) -> None:
    file = bundle.parent / "stages" / "validate_data.json"
    digest = json.loads((bundle / "bundle.json").read_text())["results"]["accepted"]
    file.write_text(file.read_text().replace(digest, "0" * 64))
    with pytest.raises(ContractError, match="its digest is not what"):
        list(verify_bundle(bundle, None, home))
    record_event(home, Event.ERASURE_STARTED, {"erasure": "e1"})
    assert "by an erasure since" in list(verify_bundle(bundle, None, home))[-1].what


def test_a_journal_that_was_cut_off_or_written_anew_is_found(bundle: Path, home: Home) -> None:
    other = make_bundle(home, "r2")
    whole = journal_file(home).read_bytes().splitlines(keepends=True)
    assert [entry.event.value for entry in read_journal(home)] == ["run_started", "run_ended"] * 2
    journal_file(home).write_bytes(b"".join(whole[:2]))
    list(verify_bundle(bundle, None, home))
    with pytest.raises(ContractError, match="has 2 entries, and the bundle saw 3: its end was cut off"):
        list(verify_bundle(other, None, home))
    journal_file(home).unlink()
    with pytest.raises(ContractError, match="has 0 entries"):
        list(verify_bundle(bundle, None, home))


def test_a_journal_with_another_past_is_found(bundle: Path, home: Home, tmp_path: Path) -> None:
    elsewhere = Home(tmp_path / "elsewhere")
    make_bundle(elsewhere, "r7")
    shutil.copy(journal_file(elsewhere), journal_file(home))
    with pytest.raises(ContractError, match="line 1 is not what the bundle saw"):
        list(verify_bundle(bundle, None, home))


def test_where_the_run_was_removed_the_journal_still_knows_its_bundle(handed_over: Path, home: Home) -> None:
    shutil.rmtree(home.runs / "r1")
    assert "the records of r1 are gone" in list(verify_bundle(handed_over, None, home))[-1].what
    (handed_over / "metrics.json").write_text("{}")
    sign(handed_over, signing_key(home))
    with pytest.raises(ContractError, match="that the journal names"):
        list(verify_bundle(handed_over, None, home))


def test_elsewhere_the_bundle_is_verified_by_the_public_key_alone(
    handed_over: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = shutil.copy(public_key_file(home), tmp_path / "team.pub.pem")
    monkeypatch.setenv("DESTA_HOME", str(tmp_path / "empty"))
    code, out, _ = verify_by_command(capsys, "--bundle", str(handed_over), "--key", str(key))
    assert code == 0
    assert "r1 is not of this home: not compared" in out
    code, _, err = verify_by_command(capsys, "--bundle", str(handed_over))
    assert (code, err.count("\n")) == (2, 1)
    assert "signing.pub.pem: cannot be read" in err
    assert not (tmp_path / "empty").exists()


def test_the_command_tells_scripts_what_it_verified(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--bundle"], ["--bundle", "r1"], ["--bundle", "desta-adapter@3"], ["--bundle", str(bundle)]):
        code, out, _ = verify_by_command(capsys, *argv, "--json")
        told = json.loads(out)
        assert (code, told["bundle"]) == (0, str(bundle))
        assert [each["name"] for each in told["verified"]] == ["signature", "manifests", "journal", "run"]


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--bundle", "r9"], "no run r9"),
        (["--key", "k.pem"], "--key: only a bundle is signed"),
        (["--bundle", "r1", "--key", "nowhere.pem"], "nowhere.pem: cannot be read"),
    ],
)
@pytest.mark.usefixtures("bundle")
def test_what_cannot_be_asked_is_one_line(argv: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = verify_by_command(capsys, *argv)
    assert (code, err.count("\n")) == (2, 1)
    assert line in err


def test_a_run_and_a_bundle_cannot_be_verified_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = verify_by_command(capsys, "r1", "--bundle", "r1")
    assert code == 2
    assert "not allowed with" in err


def test_a_run_without_a_bundle_says_when_it_gets_one(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(bundle)
    code, _, err = verify_by_command(capsys, "--bundle", "r1")
    assert code == 2
    assert "run r1: has no bundle" in err
