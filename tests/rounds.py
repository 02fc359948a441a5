"""How often races are run: a few times in every test run, 1,000 times by `make races`."""

import os


def rounds(few: int) -> int:
    return int(os.environ.get("RACE_ROUNDS", few))
