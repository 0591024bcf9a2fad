"""The errors a user meets: each says what is wrong and how to mend it, and knows its exit code."""

from __future__ import annotations


class MlopsError(Exception):
    """Something went wrong that the user can understand and mend.

    ``message`` says what and where in one line; ``hint`` says how to mend it.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MlopsError):
    """The configuration, the command line or the repository cannot be used as it is (exit code 2)."""


class ManifestError(ConfigError):
    """A manifest cannot say what it should, or says what cannot be (exit code 2)."""


class ToolError(MlopsError):
    """A tool or service outside this program failed: a remote, a forge, the disk (exit code 3)."""

    exit_code = 3


class InterruptError(MlopsError):
    """The user pressed Ctrl-C, or the runner asked us to stop (exit code 130)."""

    exit_code = 130
