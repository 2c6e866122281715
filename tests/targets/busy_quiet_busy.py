"""Makes and drops objects at full speed, and beats; at SIGUSR1 it waits for the next, and goes on. argv[1]: the page."""
import signal
import sys

import oracle


class Passing(object):
    pass


page = oracle.heartbeat(sys.argv[1])
wait, signals = oracle.FOR_SIGNAL
while True:
    oracle.beat(page)
    passing = [[Passing()] for _ in range(1000)]
    if signal.sigpending():
        wait(signals)
        passing = None
        wait(signals)
