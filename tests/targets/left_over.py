"""Objects of C code whose words hold what was in that memory before: the address of a list, whose last byte is 0, as a mutex is that
nobody holds. argv[1]: their addresses, and that of the list, JSON. Blocks until SIGUSR1.
"""
import ctypes
import json
import sys

import _blake2
import _md5
import _sha1
import _sha3
import hashlib

import oracle

lists = [[]]
while id(lists[-1]) % 256:
    lists.append([])
holders = [(_md5.md5(), 16), (_sha1.sha1(), 16), (_sha3.sha3_256(), 16), (_blake2.blake2b(), 16)]
if sys.version_info >= (3, 13):
    holders.append((hashlib.new("sha256"), 24))
for holder, offset in holders:
    ctypes.c_void_p.from_address(id(holder) + offset).value = id(lists[-1])
oracle.write(sys.argv[1], json.dumps({"list": hex(id(lists[-1])), "holders": [hex(id(holder)) for holder, _ in holders]}))
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
