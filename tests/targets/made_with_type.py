"""A thousand classes made with type(), many of one name, on bases of several sizes."""
import sys

import oracle

bases = [object, dict, list, Exception, type, tuple]
kinds = [type("Made%d" % (i % 250), (bases[i % 6],), {"number": i}) for i in range(1000)]
keep = [kind() if not issubclass(kind, type) else kind("Class", (), {}) for kind in kinds]
oracle.barrier(sys.argv[1])
