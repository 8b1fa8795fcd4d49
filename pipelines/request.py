"""What the command line asks for, as a profile."""

import argparse
from dataclasses import replace

from pipelines.profiles import Profile, profile_named, with_overrides
from pipelines.sample_data import pull_sample_data


def requested_profile(args: argparse.Namespace) -> Profile:
    """Build the profile with the changes that the command line makes to it.

    Raises:
        ConfigurationError: an unknown profile, stage or parameter, or a value out of range.
    """
    profile = with_overrides(profile_named(args.profile), args.set)
    return replace(
        profile,
        corpora=tuple(args.corpus or profile.corpora),
        encoder=args.encoder or profile.encoder,
        llm=args.llm or profile.llm,
    )


def runnable_profile(args: argparse.Namespace) -> Profile:
    """Build the profile, and bring the sample data here first when it needs them and they are not.

    Raises:
        ConfigurationError: see `requested_profile`; checked before anything is brought.
        SourceError: the sample data cannot be pulled.
    """
    profile = requested_profile(args)
    if profile.corpora:
        return profile
    pull_sample_data()
    return requested_profile(args)
