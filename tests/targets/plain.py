"""An interpreter that only imported a few modules."""
import sys

import oracle

oracle.barrier(sys.argv[1])
