import pytest

from components.core.licences import hub_licence, obligations, terms_of


@pytest.mark.parametrize(
    ("spdx", "hub"),
    [
        ("CC-BY-SA-3.0", "cc-by-sa-3.0"),
        ("GPL-2.0-only", "gpl-2.0"),
        ("GPL-2.0-or-later", "gpl-2.0"),
        ("BSD-2-Clause", "bsd-2-clause"),
        ("LicenseRef-CC-BY-SA-3.0-IT", "other"),
        ("all rights reserved", "other"),
    ],
)
def test_a_licence_has_the_hubs_own_name_or_is_another_one(spdx: str, hub: str) -> None:
    assert hub_licence(spdx) == hub


@pytest.mark.parametrize(
    ("licence", "commercial", "derivatives", "attribution", "share_alike"),
    [
        ("CC0-1.0", True, True, False, False),
        ("CC-BY-4.0", True, True, True, False),
        ("CC-BY-SA-3.0-DE", True, True, True, True),
        ("CC-BY-ND-4.0", True, False, True, False),
        ("cc-by-nc-sa-4.0", False, True, True, True),
        ("CC BY-NC-ND 2.5", False, False, True, False),
        ("GPL-2.0-or-later", True, True, True, True),
        ("CDLA-Permissive-2.0", True, True, False, False),
        ("LibriVox public domain", True, True, False, False),
    ],
)
def test_a_licence_permits_and_asks(
    licence: str, commercial: bool, derivatives: bool, attribution: bool, share_alike: bool
) -> None:
    terms = terms_of(licence)
    assert terms is not None
    found = (terms.commercial, terms.derivatives, terms.attribution, terms.share_alike)
    assert found == (commercial, derivatives, attribution, share_alike)


@pytest.mark.parametrize("licence", ["LicenseRef-CC-BY-4.0", "CC-BY", "CC-BY-9.0", "MIT OR CC-BY-NC-4.0", "free", " "])
def test_what_is_no_licence_of_the_table_is_not_known(licence: str) -> None:
    assert terms_of(licence) is None


def test_what_licences_ask_is_said_with_those_that_ask_it() -> None:
    assert list(obligations({"CC0-1.0"})) == []
    assert list(obligations({"CC-BY-SA-3.0", "CC-BY-NC-ND-4.0", "MIT", "LicenseRef-Bells"})) == [
        "Name whom the recordings ask to name: CC-BY-NC-ND-4.0, CC-BY-SA-3.0, MIT.",
        "Share alike: pass adaptations on under the same licence: CC-BY-SA-3.0.",
        "Pass on no changed recordings: CC-BY-NC-ND-4.0.",
        "No commercial use: CC-BY-NC-ND-4.0.",
        "Read the terms, which are not known here: LicenseRef-Bells.",
    ]
