"""check_printable.py FILE...: nothing in a file may move a cursor, colour, reorder or break lines of a terminal."""

import sys
import unicodedata

bad = 0
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        text = file.read().decode("utf-8")  # and it is UTF-8
    for character in set(text):
        if character != "\n" and (unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")
                                  or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI",
                                                                              "RLI", "FSI", "PDI")):
            print("%s: U+%04X" % (name, ord(character)))
            bad = 1
sys.exit(bad)
