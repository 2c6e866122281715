"""Two more interpreters in the process, each blocked in a thread of its own. argv[2]: shared or isolated (own GIL)."""
import os
import sys
import threading

import oracle

CODE = """
import sys
sys.path.insert(0, %r)
import oracle
class Inner(object): pass
keep = [Inner() for i in range(%d)]
# An import in one interpreter may free a dict of the other (the copy of an extension module): all import, then all count.
open(%r, "w").close()
oracle.wait_for(lambda: all(map(oracle.os.path.exists, %r)))
oracle.barrier(%r, oracle.FOREVER)
"""


def shared(code):
    _testcapi.run_in_subinterp(code)


def isolated(code):
    interpreters.run_string(interpreters.create(), code)


try:
    if sys.argv[2] == "shared":
        import _testcapi
    elif sys.version_info >= (3, 13):
        import _interpreters as interpreters
    elif sys.version_info >= (3, 12):
        import _xxsubinterpreters as interpreters
    else:
        raise ImportError("every interpreter shares the GIL before 3.12")
except ImportError as error:
    print(error)
    sys.exit(77)

files = [sys.argv[1] + ".%d" % i for i in (1, 2)]
ready = [file + ".ready" for file in files]
for i, file in enumerate(files):
    code = CODE % (sys.path[0], 111 + i, ready[i], ready, file)
    threading.Thread(target=globals()[sys.argv[2]], args=(code,), daemon=True).start()
oracle.wait_for(lambda: all(map(os.path.exists, files)))
if os.path.exists("/proc/self/task"):  # the first count of each is written, the last may not be
    oracle.wait_for(oracle.others_sleep)
if sys.version_info < (3, 9):  # gc.get_objects() of one interpreter still sees them all
    for file in files:
        os.remove(file)
oracle.barrier(sys.argv[1])
