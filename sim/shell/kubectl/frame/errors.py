"""How kubectl ends: its own errors, and the server's in kubectl's words.

Models: kubectl/pkg/cmd/util/helpers.go (CheckErr, StandardErrorMessage).
"""

from __future__ import annotations

from sim.api.errors import StatusError


class UsageError(Exception):
    """kubectl's own complaint, exit 1.

    prefix: usually `error: `. status: the exit status.
    """

    def __init__(self, text: str, *, prefix: str = "error: ", status: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.prefix = prefix
        self.status = status

    def lines(self) -> str:
        """Give what is written on stderr."""
        return f"{self.prefix}{self.text}" + ("" if self.text.endswith("\n") else "\n")


class Exit(Exception):
    """End the command with a status; everything has been said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def usage_error(command: str, text: str) -> UsageError:
    """Make an error that points at the command's help. Models: cmdutil.UsageErrorf."""
    return UsageError(f"{text}\nSee '{f'kubectl {command}'.strip()} -h' for help and examples")


def server_error(error: StatusError) -> str:
    """Write a server's refusal as kubectl does. Models: cmdutil.StandardErrorMessage."""
    if error.reason == "Invalid":
        head, _, body = error.message.partition(" is invalid: ")
        kind = head.partition(" ")[0].partition(".")[0]
        name = head.partition(" ")[2]
        if body.startswith("["):
            return f"The {kind} {name} is invalid: \n" + "\n".join(f"* {part}" for part in body[1:-1].split(", spec"))
        return f"The {kind} {name} is invalid: {body}"
    return f"Error from server ({error.reason}): {error.message}" if error.reason else (
        f"Error from server: {error.message}")
