"""What can go wrong before anything serves."""


class LauncherError(Exception):
    """One line for the person who started Opie: what is wrong, and what to do about it."""
