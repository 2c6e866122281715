"""Allocates at full speed and beats; at SIGUSR1 it ends. argv: PAGE exit|exec|abort|daemon."""
import os
import signal
import sys

import oracle


class Churned(object):
    pass


page = oracle.heartbeat(sys.argv[1])
asked = []
signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
kept = []
while not asked:
    oracle.beat(page)
    for _ in range(100):
        kept.append(Churned())
        passing = [Churned(), [Churned()], {1: [Churned()]}]
    del kept[:90]
if sys.argv[2] == "exec":
    os.execv("/bin/sleep", ["sleep", "1000"])
elif sys.argv[2] == "abort":
    os.abort()
elif sys.argv[2] == "daemon":
    if os.fork():
        os._exit(0)
    oracle.write(sys.argv[1] + ".child", str(os.getpid()))
    while True:
        oracle.beat(page)
        passing = [Churned() for _ in range(100)]
sys.exit(7)
