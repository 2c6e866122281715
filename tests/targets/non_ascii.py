"""Names of each width that a str can have, and names that no encoding takes."""
import sys

import oracle

NAMES = ["Caf\xe9", "\xfcber", "\u4e2d\u6587", "\u0416uk", "Snake\U0001f40d", "\U0001d504", "e\u0301", "\u00df" * 300,
         "Half\udc80", "\ud83d", "\udc80\U0001f40d"]
kinds = [type("Placeholder", (), {"__module__": module}) for module in ("ascii", "modul\xe9", "\u6a21\u5757", "\U0001f4e6",
                                                                      "m\udcff") for name in NAMES]
for i, kind in enumerate(kinds):
    try:
        kind.__name__ = NAMES[i % len(NAMES)]
    except UnicodeEncodeError:  # 3.6 and later want tp_name in UTF-8
        kind.__name__ = "Refused"
keep = [kind() for kind in kinds for i in range(3)]
oracle.barrier(sys.argv[1])
