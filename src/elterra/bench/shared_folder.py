"""Where data and references stand that are not part of the package."""

from __future__ import annotations

import os
from pathlib import Path

from elterra.errors import InputError


def shared_folder(part: str, missing: str) -> Path:
    """Folder `part` of ``ELTERRA_SHARED``, or of ``shared`` beside the checkout or the working directory.

    `missing`: the beginning of the error where there is none.
    """
    told = os.environ.get("ELTERRA_SHARED")
    roots = (
        [Path(told)] if told else [Path(__file__).parents[3].parent / "shared", Path.cwd().parent / "shared"]
    )
    for root in roots:
        if (root / part).is_dir():
            return root / part
    raise InputError(
        f"{missing} (looked for {part} in {', '.join(map(str, roots))}); "
        "set ELTERRA_SHARED to the folder that holds them"
    )
