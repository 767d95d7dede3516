"""The one error of the harness: a sentence for the report or the terminal."""


class BenchmarkError(Exception):
    """Something the user should read: a server that failed a scenario, a missing tool, a broken install."""
