"""Keeps one Dropped; each SIGUSR1 makes and drops 5000 more, and writes how many there were so far to argv[1]."""
import os
import signal
import sys


class Dropped(object):
    pass


def drop():
    for _ in range(5000):
        Dropped()


def write(count):
    with open(sys.argv[1] + ".tmp", "w") as file:
        file.write(str(count))
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
kept, count = Dropped(), 0
while True:
    write(count)
    signal.sigwait([signal.SIGUSR1])
    drop()
    count += 5000
