"""Licences by the names that the Hugging Face Hub knows."""

import re

# The Hub's own list of identifiers, as far as recordings come under them.
_HUB = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
    cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 etalab-2.0 eupl-1.1 gfdl gpl gpl-2.0 gpl-3.0 isc
    lgpl lgpl-2.1 lgpl-3.0 lgpl-lr mit mpl-2.0 odbl odc-by osl-3.0 pddl unlicense wtfpl zlib
"""
_KNOWN = frozenset(_HUB.split())
OTHER = "other"


def hub_licence(spdx: str) -> str:
    """Return the Hub's identifier of a licence named as in SPDX, `other` where the Hub has none."""
    plain = re.sub(r"-(only|or-later)$", "", spdx.strip().lower())
    return plain if plain in _KNOWN else OTHER
