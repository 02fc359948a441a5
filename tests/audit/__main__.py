"""`python -m tests.audit` (make audit): known flaws, risky code, licences, ages, secrets in the history. Exit 0: nothing found.

What could not be asked is told as *not audited*, in the last line too, and never as a yes; `--strict` makes it a failure.
"""

import argparse
import sys

from tests.audit import ages, code, flaws, licences, secrets

PARTS = {"flaws": flaws.audit, "code": code.audit, "licences": licences.audit, "ages": ages.audit, "secrets": secrets.audit}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be repeated")
    options.add_argument("--strict", action="store_true", help="fail where something could not be asked")
    said = options.parse_args()
    found, unasked = [], []
    for name in said.only or PARTS:
        problems, silent = PARTS[name]()
        found += problems
        unasked += silent
        print(f"{name}: {len(problems)} found" + (", *not audited*: " + "; ".join(silent) if silent else ""))
    print("\n".join(found))
    print(f"{len(found)} findings" + (f"; *not audited*: {', '.join(unasked)}" if unasked else ", nothing left out"))
    return 1 if found or (unasked and said.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
