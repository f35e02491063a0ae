"""Readers of measured records, their quality control, and the observations with errors made of them."""

from elterra.observations._errors import (
    AmbiguousLabelError,
    ArchiveRefusedError,
    CalendarError,
    ColumnError,
    DaylightSavingError,
    DuplicateTimeError,
    FileDamagedError,
    MixedPrecisionError,
    RecordError,
    TimeAxisError,
    UnitError,
    UnknownFormatError,
)
from elterra.observations._observe import FLAGS, make_observations
from elterra.observations._open import READERS, detect, open_record
from elterra.observations._read_davos import davos_path, read_davos
from elterra.observations._read_table import ColumnMap
from elterra.observations._report import Report

__all__ = [
    "FLAGS",
    "READERS",
    "AmbiguousLabelError",
    "ArchiveRefusedError",
    "CalendarError",
    "ColumnError",
    "ColumnMap",
    "DaylightSavingError",
    "DuplicateTimeError",
    "FileDamagedError",
    "MixedPrecisionError",
    "RecordError",
    "Report",
    "TimeAxisError",
    "UnitError",
    "UnknownFormatError",
    "davos_path",
    "detect",
    "make_observations",
    "open_record",
    "read_davos",
]
