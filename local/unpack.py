"""Unpack a tar or zip archive into a folder that appears complete or not at all."""

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from speechlib.io.cli import KaldiArgumentParser, run


def unpack(archive: Path, out: Path) -> None:
    """Unpack into `out`, which must not be there; an archive of a single folder becomes that folder.

    Raises:
        ValueError: no archive, one that is cut short, or a member that would leave the folder or is no plain file.
        OSError: it cannot be read, or `out` is there.
    """
    if out.exists():
        raise FileExistsError(f"{out} exists already: remove it, or name another folder")
    new = out.with_name(f".{out.name}.new")
    if new.exists():  # of a run that was killed
        shutil.rmtree(new)
    new.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, new)
        else:
            _unpack_tar(archive, new)
        entries = list(new.iterdir())
        if not entries:
            raise ValueError(f"{archive}: the archive is empty")
        top = entries[0] if len(entries) == 1 and entries[0].is_dir() else new
        top.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _unpack_tar(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isdir():
                    continue
                target = _target(archive, folder, member.name)
                source = tar.extractfile(member) if member.isreg() else None
                if source is None:
                    raise ValueError(f"{archive}: {member.name} is no plain file: links and devices are not unpacked")
                with source, open(target, "wb") as file:
                    shutil.copyfileobj(source, file)
            while tar.fileobj.read(1 << 20):  # up to the checksum at the end, which tells whether all is there
                pass
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(
            f"{archive}: {error or 'cut short'}: no complete tar archive; remove it and fetch it again"
        ) from None
    except OSError as error:
        if error.errno is None:  # gzip's own: a wrong checksum
            raise ValueError(f"{archive}: {error}; remove it and fetch it again") from None
        raise


def _unpack_zip(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            for member in file.infolist():
                if not member.is_dir():
                    with file.open(member) as source, open(_target(archive, folder, member.filename), "wb") as target:
                        shutil.copyfileobj(source, target)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive}: {error}; remove it and fetch it again") from None


def _target(archive: Path, folder: Path, name: str) -> Path:
    """Where a member goes; its folder is made."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{archive}: {name} would be written outside of the folder: do not trust this archive")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="unpack.py", description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    args = parser.parse_args(argv)
    unpack(args.archive, args.out)
    return 0


if __name__ == "__main__":
    run(main)
