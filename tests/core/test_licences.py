import pytest

from components.core.licences import hub_licence


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
