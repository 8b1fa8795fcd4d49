"""What the commands of lineage call and print."""

import argparse

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home


def why(args: argparse.Namespace) -> int:
    """Print what one thing was made from, and what was made from it."""
    from pipelines.lineage.why import why
    from pipelines.sample_data import ROOT

    trace = why(args.id, current_home(), ROOT)
    print(trace.model_dump_json(indent=2) if args.json else trace)
    return ExitCode.DONE


def impact(args: argparse.Namespace) -> int:
    """Print where something is; 1 where it is nowhere, as a search that finds nothing ends."""
    from pipelines.lineage.choice import By, Choice
    from pipelines.lineage.impact import impact
    from pipelines.sample_data import ROOT

    given = {by: value for by in By if (value := getattr(args, by)) is not None}
    if len(given) != 1:
        names = " or ".join(f"--{by}" for by in By)
        raise ConfigurationError(f"desta impact: want one of {names}, got {len(given)}")
    ((by, value),) = given.items()
    found = impact(Choice(by=by, values=(value,)), current_home(), ROOT)
    print(found.model_dump_json(indent=2) if args.json else found)
    return ExitCode.DONE if found.anywhere else ExitCode.FAILED
