"""What a user of the command line is told in one line."""


class BaselineError(Exception):
    """Something that is wrong with the request or the surroundings, not with us."""
