"""At SIGUSR1 it forks a child that forks a daemon and ends; argv[1] then has the daemon's pid. Makes objects meanwhile."""
import os
import signal
import sys
import time

import oracle

signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
oracle.write(sys.argv[1] + ".ready", "here")
signal.pause()
child = os.fork()
if not child:
    if os.fork():
        os._exit(0)
    os.setsid()
    oracle.write(sys.argv[1], str(os.getpid()))
else:
    os.waitpid(child, 0)
time.sleep(10**7)
