"""CLM5's own files: read a case, run it, write and compare its history.

Surface data sets, parameter files, namelists, domain files, DATM streams and restart files are read as CLM writes
them; what the model does not have is reported, not dropped (`elterra.clm.namelist.Report`).
"""

from elterra.clm.case import COMMON_PATCHES, Case, Change, open_case, read_members
from elterra.clm.namelist import Report

__all__ = ["COMMON_PATCHES", "Case", "Change", "Report", "open_case", "read_members"]
