"""Files -> the tar.gz stream that a launch carries; the same files give the same bytes."""

import gzip
import io
import tarfile
from collections.abc import Mapping

EXECUTABLE = 0o755
PLAIN = 0o600


def pack(files: Mapping[str, bytes], *, executable: frozenset[str] = frozenset()) -> bytes:
    """A tar.gz with these files and the folders they need, without owners or times."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        folders = {name.rsplit("/", depth)[0] for name in files for depth in _depths(name)}
        for folder in sorted(folders):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o700
            archive.addfile(info)
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), EXECUTABLE if name in executable else PLAIN
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _depths(name: str) -> range:
    return range(1, name.count("/") + 1)
