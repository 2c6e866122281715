"""Becomes another program at SIGUSR1."""
import os
import sys

import oracle

oracle.barrier(sys.argv[1])
os.execv("/bin/sleep", ["sleep", "1000"])
