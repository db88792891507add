"""The one exception that users are meant to read."""


class UserError(Exception):
    """Invalid input, reported as one line: what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
