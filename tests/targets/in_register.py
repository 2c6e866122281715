"""Objects that nothing leads to any more, and one of them in a register of a thread that runs C code with the GIL.

argv[1]: the file; argv[2]: the folder of in_register.so (build_module). The file is what hold() in in_register.c writes; once it
begins with "+", the object of its 33rd address is in a register. Runs until it is killed.
"""
import gc
import sys
import threading

sys.path.insert(0, sys.argv[2])
import in_register


class Held(object):
    pass


gc.disable()
# Not the main thread: a core has its registers in a note of their own.
threading.Thread(target=in_register.hold, args=(Held, sys.argv[1], 32)).start()
