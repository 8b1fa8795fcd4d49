"""What the commands about cost call and print."""

import argparse

from components.core.contracts.errors import ExitCode
from components.core.home import current_home


def cost(args: argparse.Namespace) -> int:
    """Print what a run cost."""
    from pipelines.cost.bill import bill_of
    from pipelines.cost.rates import rate_card
    from pipelines.status import run_dir_of

    home = current_home()
    bill = bill_of(run_dir_of(home, args.run), rate_card(args.rates, home))
    print(bill.model_dump_json(indent=2) if args.json else bill)
    return ExitCode.DONE


def estimate(args: argparse.Namespace) -> int:
    """Print what so much would take."""
    from pipelines.cost.estimate import asked_of, estimate
    from pipelines.cost.rates import rate_card

    home = current_home()
    asked = asked_of(args.hours, args.samples, args.cluster)
    found = estimate(asked, args.from_run, rate_card(args.rates, home), home)
    print(found.model_dump_json(indent=2) if args.json else found)
    return ExitCode.DONE
