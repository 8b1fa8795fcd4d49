"""What the command line asks for, as a profile."""

import argparse
from dataclasses import replace

from components.core.contracts.errors import ConfigurationError
from components.core.home import current_home
from pipelines.profiles import Profile, profile_named, with_overrides
from pipelines.publish.published import LATER, open_published
from pipelines.sample_data import ROOT, pull_sample_data


def requested_profile(args: argparse.Namespace) -> Profile:
    """Build the profile with the changes that the command line makes to it.

    Raises:
        ConfigurationError: an unknown profile, stage, parameter or published dataset, or a value out of range.
        ContractError: the published dataset is damaged.
    """
    meant_for = [f"train_model.use={args.use}"] if args.use is not None else []
    profile = with_overrides(profile_named(args.profile), [*args.set, *meant_for])
    changed = replace(
        profile,
        corpora=tuple(args.corpus or profile.corpora),
        encoder=args.encoder or profile.encoder,
        llm=args.llm or profile.llm,
    )
    return _from_published(changed, args) if args.from_published else changed


def _from_published(profile: Profile, args: argparse.Namespace) -> Profile:
    """Start from a published dataset; what would have been heard by an earlier stage is an error."""
    if args.corpus:
        raise ConfigurationError("--corpus: a run --from-published reads no corpora; leave one of the two out")
    for line in args.set:
        if line.partition(".")[0] not in (stage.name for stage in LATER):
            raise ConfigurationError(f"--set {line}: a run --from-published does not run that stage; leave it out")
    published = open_published(args.from_published, current_home(), ROOT)
    return replace(profile, corpora=(), published=published)


def runnable_profile(args: argparse.Namespace) -> Profile:
    """Build the profile, and bring the sample data here first when it needs them and they are not.

    Raises:
        ConfigurationError: see `requested_profile`; checked before anything is brought.
        SourceError: the sample data cannot be pulled.
    """
    profile = requested_profile(args)
    if profile.corpora or profile.published:
        return profile
    pull_sample_data()
    return requested_profile(args)
