"""What may refuse a launch, in the order in which it is asked."""

from remoterun.gates import data_quality, preflight

GATES = {"preflight": preflight, "data_quality": data_quality}
