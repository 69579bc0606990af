"""What a disk's faults mean for a user."""

import errno
import os
from pathlib import Path

from thinksafe.errors import AccessError, SettingsError, TemporaryError, ThinkSafeError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
MISPLACED = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}


def explained(error: OSError, path: Path) -> ThinkSafeError:
    """An OSError at a path as one of our errors; one that we do not know is taken to pass."""
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno in FULL:
        return SettingsError(  # it does not pass by waiting; a retry elsewhere writes to the same place
            f"{path}: cannot be written: the disk of {mount_point(path)} is full ({why}; {_free(path)} MB free)",
            reason="DiskFull",
            hint="Make room there and run it again; what is committed stays",
        )
    if error.errno in FORBIDDEN:
        return AccessError(f"{path}: {why}", reason="NoPermission", hint=f"Allow user {os.geteuid()} to write there")
    if error.errno in MISPLACED:
        return SettingsError(f"{path}: {why}", reason="NotAFolder", hint="Name a folder in storage.uri")
    return TemporaryError(f"{path}: {why}", reason="DiskFault", hint="Check the disk and run it again")


def mount_point(path: Path) -> Path:
    """The folder at which the path's file system is mounted."""
    place = path.absolute()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return place


def _free(path: Path) -> int:
    try:
        usage = os.statvfs(mount_point(path))
    except OSError:
        return 0
    return usage.f_bavail * usage.f_frsize // 1_000_000
