"""Waits; at SIGUSR1 it forks a child that waits, and writes the child's pid to argv[1]."""
import os
import signal
import sys
import time

import oracle

signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
signal.pause()
child = os.fork()
if child:
    oracle.write(sys.argv[1], str(child))
time.sleep(10**7)
