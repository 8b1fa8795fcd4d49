"""Set an evaluated model beside the champion, and say whether the policy lets it take the champion's place.

Both evaluations are finished reports. The figures are those of the answers to what both were asked; the policy is the
one that the model was evaluated by. The folder --to gets comparison.json, and the report of the model as a page with
the champion beside it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from components.core.command import command_parser, run_command
from components.core.contracts.artifacts import open_artifact
from components.core.contracts.errors import GateRefused
from components.core.publishing import write_file
from components.core.settings import checked
from components.evaluate_model.findings import read_findings
from components.evaluate_model.page import write_page
from components.evaluate_model.regression import Comparison, beside_champion
from components.evaluate_model.settings import EvaluateModelSettings

_EPILOG = """example:
  python -m components.evaluate_model.compare --report out/report --champion earlier/report --clips out/clips \\
      --name "version 3" --to out/beside

exit codes: 0 nothing became worse, 1 a file cannot be used, 2 usage, 3 a line of the policy is missed"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the comparison."""
    parser = command_parser("evaluate_model.compare", __doc__ or "", _EPILOG)
    parser.add_argument("--report", required=True, type=Path, metavar="DIR", help="of the model")
    parser.add_argument("--champion", required=True, type=Path, metavar="DIR", help="report of the champion")
    parser.add_argument(
        "--clips", required=True, type=Path, metavar="DIR", help="the clips that the model was asked about"
    )
    parser.add_argument("--name", default="the champion", metavar="TEXT", help="what the champion is called")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="where the comparison goes")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Compare from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    ours, theirs = open_artifact(args.report, "report"), open_artifact(args.champion, "report")
    settings = checked("evaluate_model", EvaluateModelSettings, ours.manifest.lineage.settings)
    found = beside_champion(ours, theirs, args.name, settings)
    write_file(args.to / "comparison.json", found.model_dump_json(indent=1) + "\n")
    clips = open_artifact(args.clips, "clips")
    write_page(args.to / "report.html", read_findings(ours), clips, found, read_findings(theirs))
    print("\n".join(_lines(found)))
    if found.refusals:
        raise GateRefused(f"{args.name} stays: {'; '.join(found.refusals)}")


def _lines(found: Comparison) -> list[str]:
    width = max((len(each.name) for each in found.differences), default=0)
    verdicts = ("better" if e.better else "worse" if e.worse else "no clear difference" for e in found.differences)
    return [
        f"beside {found.champion}: {', '.join(f'{count} {name}' for name, count in found.shared.items())} shared",
        *(
            f"  {each.name:<{width}}  {each.value:+8.4f}  [{each.low:+.4f}, {each.high:+.4f}]  {verdict}"
            for each, verdict in zip(found.differences, verdicts, strict=True)
        ),
    ]


if __name__ == "__main__":
    main()
