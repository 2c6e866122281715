"""Names of 64 KiB, in bytes and in wider characters, that differ in their last character only."""
import sys

import oracle

kinds = [type(letter * 65535 + last, (), {"__module__": "m" * 65536}) for letter in ("a", "\xe9", "\u4e2d", "\U0001f40d")
         for last in "xy"]
keep = [kind() for i, kind in enumerate(kinds) for j in range(i + 1)]
oracle.barrier(sys.argv[1])
