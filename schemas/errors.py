"""Errors that say what was found, what was expected, where, and what to do next."""

import errno
import os

INCOMPLETE_EXIT_CODE = 8  # of a command that finished, but whose run lost part of its input unread, or kept nothing


class GristmillError(Exception):
    """Base of every error a user can meet: found, expected, where, next step.

    >>> print(GristmillError("`text` is bigint", expected="string", where="part-0003", next_step="map `text: body`"))
    part-0003: `text` is bigint; expected string. Next: map `text: body`.
    """

    exit_code = 1

    def __init__(self, found: str, *, expected: str = "", where: str = "", next_step: str = "") -> None:
        self.found, self.expected, self.where, self.next_step = found, expected, where, next_step
        message = f"{where}: {found}" if where else found
        if expected:
            message += f"; expected {expected}"
        if next_step:
            message += f". Next: {next_step}."
        super().__init__(message)


class RecipeError(GristmillError):
    """A recipe, policy or profile that cannot be run; raised before anything starts."""

    exit_code = 2


class InputError(GristmillError):
    """An input that is missing, unreadable or of the wrong kind, found before anything is read."""

    exit_code = 3


class ModelError(GristmillError):
    """A model file that is missing, of the wrong kind or for another language."""

    exit_code = 4


class RunError(GristmillError):
    """A run folder that is locked, incomplete, of another version or not writable."""

    exit_code = 5


class BalanceError(RunError):
    """Rows written do not match the framing tally of the readers."""

    exit_code = 6


class PackageError(GristmillError):
    """A package of an extra (`gristmill[train]`, ...) that a command needs and that is not installed."""

    exit_code = 7


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


def file_system_error(number: int | None, text: str, where: str, room: str = "room for what is written") -> RunError:
    """The error for a failed call of the file system.

    number: its errno, where it is known. text: what the system said. where: the file or folder. room: how much is needed.
    """
    if number in _DISK_FULL:
        return RunError(
            f"the disk is full ({os.strerror(number)})",
            where=where,
            expected=room,
            next_step="free some space; the same command goes on from here",
        )
    if number in _FORBIDDEN:
        return RunError(
            f"cannot write: {os.strerror(number)}{'' if text == os.strerror(number) else f' ({text})'}",
            where=where,
            expected="a folder that can be written, or a bucket that this user may write to",
            next_step="choose another --out or change its permissions",
        )
    return RunError(f"the file system failed: {text}", where=where, next_step="the same command goes on from here")
