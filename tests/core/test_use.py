"""A use is refused that a licence or the speakers forbid, with every corpus at fault and its first rows."""

import tracemalloc
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.licences import Use
from components.core.use import check_clips, check_corpora, objection
from tests.builders import make_clip, make_source, make_tone, write_corpus
from tests.pipelines.export.making import write_artifact

BOTH = (Use.RESEARCH, Use.COMMERCIAL)


@pytest.mark.parametrize(
    ("licence", "consent", "research", "commercial"),
    [
        ("CC0-1.0", None, None, None),
        ("GPL-2.0-only", None, None, None),
        ("CC-BY-SA-3.0-DE", None, None, None),
        ("CC-BY-NC-4.0", None, None, "licence CC-BY-NC-4.0 forbids it"),
        ("cc by-nc 4.0", None, None, "licence cc by-nc 4.0 forbids it"),
        ("CC-BY-NC-SA-2.0", BOTH, None, "licence CC-BY-NC-SA-2.0 forbids it"),
        ("LicenseRef-Bells", None, None, "is not known"),
        ("LicenseRef-Bells", BOTH, None, None),
        ("free for all\u202e!", None, None, r"licence 'free for all\u202e!' is not known"),
        ("CC0-1.0", (Use.RESEARCH,), None, "speakers agreed to research only"),
        ("LicenseRef-Bells", (Use.RESEARCH,), None, "speakers agreed to research only"),
        ("CC0-1.0", (Use.COMMERCIAL,), "speakers agreed to commercial only", None),
    ],
)
def test_both_the_licence_and_the_speakers_have_to_permit_a_use(
    licence: str, consent: tuple[Use, ...] | None, research: str | None, commercial: str | None
) -> None:
    for use, wanted in ((Use.RESEARCH, research), (Use.COMMERCIAL, commercial)):
        found = objection(use, licence, consent)
        assert found is None if wanted is None else wanted in str(found)


def _corpus(folder: Path, licence: str, table: str = "path\na.flac\nb.flac\n", more: str = "") -> Path:
    policy = f"name: {folder.name}\nlicence: {licence}\ndomain: sound\n{more}"
    return write_corpus(folder, {}, policy=policy, table=table)


def test_every_corpus_at_fault_is_named_with_its_rows(tmp_path: Path) -> None:
    mixed = "path,licence\n1.flac,\n2.flac,CC-BY-NC-4.0\n3.flac, \n"
    folders = [
        _corpus(tmp_path / "free", "CC0-1.0"),
        _corpus(tmp_path / "mixed", "CC-BY-4.0", mixed),
        _corpus(tmp_path / "own", "LicenseRef-Own", "path\n" + "".join(f"{n}.flac\n" for n in range(5))),
        _corpus(tmp_path / "voices", "CC0-1.0", more="consent: [research]\n"),
    ]
    check_corpora(Use.RESEARCH, folders)
    with pytest.raises(ConfigurationError) as caught:
        check_corpora(Use.COMMERCIAL, folders)
    begin, *parts, end = str(caught.value).split("; ")
    assert begin == "use commercial: 3 corpora forbid it: mixed: licence CC-BY-NC-4.0 forbids it (1 row: mixed/2.flac)"
    own, voices = parts
    assert own.startswith("own: licence 'LicenseRef-Own' is not known, and no `consent` in corpus.yaml permits it (")
    assert own.endswith("(5 rows: own/0.flac, own/1.flac, own/2.flac, …)")
    assert voices == "voices: speakers agreed to research only (2 rows: voices/a.flac, voices/b.flac)"
    assert end == "leave these rows out, or name another use"


def test_speakers_who_agreed_to_less_than_research_are_heard_too(tmp_path: Path) -> None:
    folder = _corpus(tmp_path / "shop", "CC0-1.0", more="consent: [commercial]\n")
    with pytest.raises(
        ConfigurationError, match="use research: 1 corpus forbids it: shop: speakers agreed to commercial"
    ):
        check_corpora(Use.RESEARCH, [folder])
    check_corpora(Use.COMMERCIAL, [folder])


def test_as_many_licences_as_rows_make_no_endless_line(tmp_path: Path) -> None:
    table = "path,licence\n" + "".join(f"{n}.flac,ask me {n}\n" for n in range(500))
    with pytest.raises(ConfigurationError, match="and 497 more reasons") as caught:
        check_corpora(Use.COMMERCIAL, [_corpus(tmp_path / "odd", "CC0-1.0", table)])
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        ("[]", r"consent '\[\]': want a list of research, commercial"),
        ("", "consent '': want a list of research, commercial"),
        ("research", "consent 'research': want a list"),
        ("[Research]", "consent 'Research': want a list"),
        ("[research, sale]", "consent 'sale': want a list"),
        ("{research: true}", "consent .*: want a list"),
        ("[[research]]", "consent .*: want a list"),
    ],
)
def test_a_consent_that_says_nothing_clear_is_named(tmp_path: Path, consent: str, said: str) -> None:
    folder = _corpus(tmp_path / "test", "CC0-1.0", more=f"consent: {consent}\n")
    with pytest.raises(SourceError, match=said) as caught:
        check_corpora(Use.RESEARCH, [folder])
    assert "\n" not in str(caught.value)


def test_a_great_table_is_read_row_by_row(tmp_path: Path) -> None:
    def peak_of(rows: int) -> int:
        folder = _corpus(tmp_path / f"n{rows}", "CC-BY-NC-4.0", "path\n" + "".join(f"{n}.flac\n" for n in range(rows)))
        tracemalloc.start()
        with pytest.raises(ConfigurationError, match=f"{rows} rows"):
            check_corpora(Use.COMMERCIAL, [folder])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_of(10)
    assert peak_of(20_000) < 2 * peak_of(2_000)


def _clips(folder: Path, *licences: str, consent: list[str] | None = None) -> Artifact:
    clips = [
        make_clip(pcm=make_tone(hertz=300.0 + 50 * n), source=make_source(path=f"{n}.flac"), licence=licence)
        for n, licence in enumerate(licences)
    ]
    told = {"licence": licences[0], "attribution": "", **({"consent": consent} if consent else {})}
    return write_artifact(folder, "clips", clips, facts={"corpora": {"test": told}})


def test_clips_that_were_taken_in_say_as_much_as_their_corpora(tmp_path: Path) -> None:
    mixed = _clips(tmp_path / "mixed", "CC0-1.0", "CC-BY-NC-4.0")
    check_clips(Use.RESEARCH, mixed)
    with pytest.raises(ConfigurationError, match=r"CC-BY-NC-4.0 forbids it \(1 row: test/1\.flac\)"):
        check_clips(Use.COMMERCIAL, mixed)
    with pytest.raises(ConfigurationError, match="agreed to research only"):
        check_clips(Use.COMMERCIAL, _clips(tmp_path / "voices", "CC0-1.0", consent=["research"]))
    check_clips(Use.COMMERCIAL, _clips(tmp_path / "free", "CC0-1.0", "GPL-2.0-only"))
