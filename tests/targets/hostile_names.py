"""Names that want to move the cursor, forge rows, end a string or turn the line around."""
import sys

import oracle

NAMES = ["line\nfeed", "forged\nlist 99999 +99999", "carriage\rreturn", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "tab\there",
         "quote\"s", "apo'strophe", "back\\slash", "\\n", "del\x7f", "c1\x9b31m", "nel\x85", "\u202eright-to-left",
         "\u2066isolate\u2069", "line\u2028separator\u2029", "zero\u200bwidth\ufeff", "bell\x07", "\x01\x02\x1f", "%s%n%d", "a b",
         "</td><script>", "nul-in-module", "{\"event\":\"exited\"}", "tag\U000e0041", "\xad"]
kinds = [type(name, (), {"__module__": "mod\n\x1b[2J"}) for name in NAMES]
kinds[-4].__module__ = "nul\0module"
keep = [kind() for i, kind in enumerate(kinds) for j in range(50000 // 50 + i)]
oracle.barrier(sys.argv[1])
