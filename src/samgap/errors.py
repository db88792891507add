"""The one exception that users are meant to read."""


class UserError(Exception):
    """Bad input, told in one line: what is wrong, where, and what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
