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
        kind, name = error.details.get("kind", ""), error.details.get("name", "")
        head = f'The {kind} "{name}" is invalid' if kind or name else "The request is invalid"
        causes = error.details.get("causes") or []
        if not causes:
            return head if kind or name else f"{head}: {error.message}"
        texts = list(dict.fromkeys(f"{cause['field']}: {cause['message']}" for cause in causes))
        return f"{head}: {texts[0]}" if len(texts) == 1 else f"{head}: \n" + "\n".join(f"* {text}" for text in texts)
    if error.reason == "Unauthorized":
        return f"error: You must be logged in to the server ({error.message})"
    return f"Error from server ({error.reason}): {error.message}" if error.reason else (
        f"Error from server: {error.message}")
