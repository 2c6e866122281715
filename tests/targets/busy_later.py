"""Waits; from SIGUSR1 on it makes and drops objects at full speed, and beats. argv[1]: the page of the heartbeat."""
import signal
import sys

import oracle


class Passing(object):
    pass


page = oracle.heartbeat(sys.argv[1])
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
signal.pause()
while True:
    oracle.beat(page)
    passing = [[Passing()] for _ in range(1000)]
