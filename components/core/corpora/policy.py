"""What `corpus.yaml` says: whose the corpus is, how it is laid out, and what may be told of its clips."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Domain, Record
from components.core.licences import Use

POLICY_FILE = "corpus.yaml"

# Nobody can hear these: a model that is told them learns to make them up.
_INAUDIBLE = """
    address album artist author birth_date city company composer date file_name filename id job name occupation phone
    postcode reader_id recording_id song_title speaker speaker_name title track url user year
"""
# The special categories of the GDPR (article 9) and what stands for them: a guess from a voice does harm.
_PERSONAL = """
    caste citizenship criminal_record diagnosis disability disease education ethnic_group ethnicity gender_identity
    health immigration_status income marital_status medical_condition mental_health nationality political_opinion
    politics pregnancy race religion sex_life sexual_orientation skin_colour social_class socio_economic_background
    socioeconomic_background socioeconomic_status trade_union wealth
"""
SENSITIVE = frozenset(f"{_INAUDIBLE} {_PERSONAL}".split())
"""Attributes that enter a description only where the corpus names them under `allow_sensitive` as well."""


class CorpusPolicy(Record):
    """What `corpus.yaml` says; `format` names one of `components.core.corpora.formats`, `mapping` a normaliser.

    `repository` (`org/name@revision`) says where on a hub the files of an `hf_parquet` corpus lie.

    `stretches` of one file become clips of their own, or together one recording with a segment for each. `attributes`
    are named as the mapping leaves them. `consent` is what the speakers agreed to, `None` where nobody says.
    """

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    attribution: str = ""
    consent: tuple[Use, ...] | None = Field(None, min_length=1)
    format: str = "folder"
    repository: str | None = Field(None, pattern=r"^[^@\s]+/[^@\s]+@[^@\s]+$")
    stretches: Literal["apart", "together"] = "apart"
    domain: Domain | None = None
    language: str | None = None
    mapping: str | None = None
    attributes: tuple[str, ...] = ()
    allow_sensitive: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("want a name without control characters")
        return name

    @model_validator(mode="after")
    def _only_parquet_comes_from_a_hub(self) -> Self:
        if self.repository and self.format != "hf_parquet":
            raise ValueError(
                f"repository {self.repository!r} wants `format: hf_parquet`, the format is {self.format!r}"
            )
        return self

    @model_validator(mode="after")
    def _nothing_sensitive_by_accident(self) -> Self:
        for name in self.attributes:
            if plain(name) in SENSITIVE and name not in self.allow_sensitive:
                raise ValueError(
                    f"attribute {name!r} is sensitive or cannot be heard; leave it out, "
                    "or write it under allow_sensitive as well"
                )
        if idle := set(self.allow_sensitive) - set(self.attributes):
            raise ValueError(f"allow_sensitive names {min(idle)!r}, which is not among the attributes")
        return self


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return the name of an attribute in one form: `Song-Title` is `song_title`."""
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def read_policy(folder: Path) -> CorpusPolicy:
    """Read and check the `corpus.yaml` of a folder.

    Raises:
        ConfigurationError: there is no such folder.
        SourceError: the file is missing or cannot be used; names the key and says what to do.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder; name the folder of a corpus, with a {POLICY_FILE} in it")
    path = folder / POLICY_FILE
    try:
        # BaseLoader makes nothing but text, lists and mappings: the language `no` is Norwegian and not false.
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
        given = _given(content) if isinstance(content, dict) else content
        return CorpusPolicy.model_validate(given, strict=False)
    except FileNotFoundError as error:
        raise SourceError(f"{folder}: no {POLICY_FILE}; write one with a `name` and a `licence`") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path}: mend it: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise SourceError(f"{path}: {_first_fault(error)}") from error


def _given(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, but for a consent: none to any use is not the same as none stated."""
    return {key: value for key, value in content.items() if value or key == "consent"}


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; it has {', '.join(CorpusPolicy.model_fields)}"
    if first["type"] == "missing":
        return f"`{where}` is missing; write it"
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    if first["loc"][:1] == ("consent",):
        return (
            f"consent {str(first['input'])[:60]!r}: want a list of {', '.join(Use)}; without the line it is not stated"
        )
    return f"{where or 'the file'}: {first['msg']}, got {str(first['input'])[:60]!r}"
