"""The one exception of the stack runner."""


class StackError(Exception):
    """Something that the user can act on; the message says what is missing or failed.

    The command line prints the message without a traceback.
    """
