"""Errors of the readers: each names the file, the variable, the time and the fix."""

from elterra.errors import InputError


class RecordError(InputError):
    """A record cannot be used as it is."""

    def __init__(
        self, file: str, problem: str, fix: str, *, variable: str | None = None, time: str | None = None
    ) -> None:
        self.file, self.problem, self.fix, self.variable, self.time = file, problem, fix, variable, time
        where = file + (f", {variable}" if variable else "") + (f", at {time}" if time else "")
        super().__init__(f"{where}: {problem}. Fix: {fix}.")


class FileDamagedError(RecordError):
    """Truncated, bit-flipped or not readable at all."""


class ArchiveRefusedError(RecordError):
    """A zip archive that could do harm (ratio, size, member outside the archive) or is ambiguous."""


class UnknownFormatError(RecordError):
    """No reader recognises the file."""


class ColumnError(RecordError):
    """A column is missing, unknown or not numeric."""


class UnitError(RecordError):
    """A unit is missing, cannot be converted, or the values do not fit it."""


class TimeAxisError(RecordError):
    """The time stamps are unusable."""


class DuplicateTimeError(TimeAxisError):
    """One time stamp stands for several different values."""


class DaylightSavingError(TimeAxisError):
    """The clock jumps in spring and autumn."""


class CalendarError(TimeAxisError):
    """The calendar is not the Gregorian one."""


class MixedPrecisionError(TimeAxisError):
    """Time stamps of different precision in one column."""


class AmbiguousLabelError(TimeAxisError):
    """One time column without a statement whether it labels start, middle or end."""
