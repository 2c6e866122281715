"""One object that is reached in three ways: argv[1] gets its address. Blocks until SIGUSR1."""
import os
import signal
import sys


class Wanted(object):
    pass


def hold(local):
    with open(sys.argv[1] + ".tmp", "w") as file:
        file.write(hex(id(local)))
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])
    signal.sigwait([signal.SIGUSR1])


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
a = [Wanted()]
b = {"k": a[0]}
hold(a[0])
