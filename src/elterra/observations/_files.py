"""Opening files that others made: damaged ones and hostile archives are refused before anything is
unpacked."""

import io
import zipfile
from pathlib import Path, PurePosixPath

from elterra.observations._errors import ArchiveRefusedError, FileDamagedError

MAX_RATIO = 200.0  #: FLUXNET CSV packs about 5:1; deflate's best on zeros is about 1030:1
MAX_BYTES = 4_000_000_000


def read_text(path: Path, member: str | None = None) -> tuple[str, str]:
    """Text of a plain file or of one CSV in a zip, and the name of the CSV. `member` picks one by part of
    its name.

    Raises FileDamagedError (missing, CRC, truncated, not text), ArchiveRefusedError (ratio, size, path)."""
    if not path.is_file():
        raise FileDamagedError(str(path.name), f"no such file ({path})", "check the path")
    if path.suffix.lower() != ".zip":
        return _decode(path.read_bytes(), path.name), path.name
    try:
        with zipfile.ZipFile(path) as archive:
            info = _choose(archive, path.name, member)
            data = archive.read(info)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise FileDamagedError(path.name, f"the archive is damaged ({error})", "download it again") from error
    except Exception as error:
        if isinstance(error, ArchiveRefusedError):
            raise
        raise FileDamagedError(path.name, f"cannot be unpacked ({error})", "download it again") from error
    return _decode(data, info.filename), PurePosixPath(info.filename).name


def _choose(archive: zipfile.ZipFile, name: str, member: str | None) -> zipfile.ZipInfo:
    members = [i for i in archive.infolist() if not i.is_dir()]
    for info in members:
        parts = PurePosixPath(info.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
            raise ArchiveRefusedError(
                name, f"member {info.filename!r} points outside", "do not trust this archive"
            )
        if info.file_size > MAX_BYTES or info.file_size > MAX_RATIO * max(info.compress_size, 1) + 4096:
            raise ArchiveRefusedError(
                name,
                f"member {info.filename!r} would unpack {info.compress_size} to {info.file_size} bytes",
                f"unpack it yourself if you trust it (limits: ratio {MAX_RATIO:g}, {MAX_BYTES / 1e9:g} GB)",
            )
    tables = [i for i in members if i.filename.lower().endswith(".csv")]
    if member:
        tables = [i for i in tables if member in i.filename]
    if len(tables) > 1:
        # the finest resolution of the measured data set; ERA5 downscaling, BIF and AUX tables are other
        # things
        main = [
            i
            for i in tables
            if not any(k in i.filename.upper() for k in ("ERAI", "ERA5", "BIF", "AUX", "VARINFO"))
        ]
        for key in ("_HH_", "_HR_", "_DD_", "_WW_", "_MM_", "_YY_"):
            hit = [i for i in main if key in i.filename]
            if hit:
                full = (
                    [i for i in hit if "FULLSET" in i.filename]
                    or [i for i in hit if "FLUXMET" in i.filename]
                    or hit
                )
                tables = full
                break
    if len(tables) != 1:
        names = ", ".join(i.filename for i in tables[:6]) or "none"
        raise ArchiveRefusedError(name, f"{len(tables)} tables fit: {names}", "name one with `member`")
    return tables[0]


def _decode(data: bytes, name: str) -> str:
    if b"\x00" in data[:4096]:
        raise FileDamagedError(
            name, "is binary, not a text table", "choose the reader that fits or download again"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileDamagedError(
            name, f"byte {error.start} is not UTF-8 text", "download it again or save it as UTF-8"
        ) from error


def lines_of(text: str, name: str) -> io.StringIO:
    """Stream of a table whose last line must be whole (same number of separators as the header)."""
    rows = text.rstrip("\r\n").splitlines()
    if len(rows) < 2:
        raise FileDamagedError(name, "holds no rows", "download it again")
    comma = max(",;\t", key=rows[0].count)
    if rows[-1].count(comma) != rows[0].count(comma):
        raise FileDamagedError(
            name,
            f"the last line has {rows[-1].count(comma) + 1} fields, "
            f"the header {rows[0].count(comma) + 1}: truncated",
            "download it again",
        )
    return io.StringIO(text)
