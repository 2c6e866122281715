"""Counts, then stops itself (state T) while it holds the GIL."""
import _signal
import sys

import oracle

oracle.barrier(sys.argv[1], (_signal.raise_signal, _signal.SIGSTOP))
