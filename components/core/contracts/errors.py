"""The failures this workflow can explain, sorted by who has to act.

DestaError
├── ConfigurationError   the caller asked for something that cannot be (exit 2)
├── ContractError        a file is not what its writer promised: wrong record, missing marker, flipped byte (exit 1)
├── SourceError          the outside world gave something unusable: a corpus, a model, a full disk (exit 1)
└── GateRefused          the work was done and its result is not good enough to go on (exit 3)
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line says to scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    INTERRUPTED = 130
    UNREAD = 141
    """Nobody reads the output any more; a shell says the same of `cat | head`."""


class DestaError(Exception):
    """A failure with one line for the reader: where, what, which value, what to do."""

    exit_code = ExitCode.FAILED


class ConfigurationError(DestaError):
    """A setting, a parameter or a reference that cannot be used; nothing has been done yet."""

    exit_code = ExitCode.USAGE


class ContractError(DestaError):
    """A file on disk breaks the contract of the stage that wrote it."""


class SourceError(DestaError):
    """Something outside the project (a corpus, a model, the disk) cannot be used as it is."""


class GateRefused(DestaError):
    """A stated threshold was not reached, so the result must not be used further."""

    exit_code = ExitCode.REFUSED
