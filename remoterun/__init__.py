"""remoterun: gate, launch, watch and prove long research runs."""

__version__ = "0.1.0"
