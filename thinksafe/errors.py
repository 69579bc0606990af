"""What can go wrong, as a user meets it: one line, an exit code, and what to do.

The exit codes are sysexits; a Kubernetes Job's podFailurePolicy reads them (docs/architecture.md).
Raise these for a user's mistake or an outside fault; anything else is a bug and keeps its traceback.
"""


class ThinkSafeError(Exception):
    """Base of every error we explain. `reason` is a CamelCase word for machines, `hint` what to do."""

    code = 1

    def __init__(self, message: str, *, reason: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.reason = reason or type(self).__name__.removesuffix("Error")
        self.hint = hint

    def line(self) -> str:
        """The error as one line for a terminal."""
        text = " ".join(str(self).split())
        return f"{text}. {self.hint}" if self.hint else text


class UsageError(ThinkSafeError):
    """The command was called wrongly (64): do not retry."""

    code = 64


class DataError(ThinkSafeError):
    """An input file or a row of it cannot be used (65)."""

    code = 65


class DeviceError(ThinkSafeError):
    """The accelerator failed (69): retry on another node."""

    code = 69


class TemporaryError(ThinkSafeError):
    """The store or a network peer failed for now (75): retry."""

    code = 75


class AccessError(ThinkSafeError):
    """A gated model, missing credentials or a forbidden bucket (77): do not retry."""

    code = 77


class SettingsError(ThinkSafeError):
    """The manifest asks for something that cannot be (78): do not retry."""

    code = 78


class Interrupted(ThinkSafeError):
    """Asked to stop, and stopped with nothing lost (143)."""

    code = 143


def ours_in(error: BaseException | None) -> ThinkSafeError | None:
    """The error of ours that a library has wrapped into one of its own, if there is one."""
    while error is not None and not isinstance(error, ThinkSafeError):
        error = error.__cause__ or error.__context__
    return error
