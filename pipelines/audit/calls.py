"""What the command of the audit calls."""

import argparse

from components.core.contracts.errors import ExitCode
from components.core.home import current_home


def audit(args: argparse.Namespace) -> int:
    """Serve the auditors' pages."""
    from pipelines.audit.serving import serve_audit
    from pipelines.sample_data import ROOT

    serve_audit(current_home(), ROOT, args.host, args.port)
    return ExitCode.DONE
