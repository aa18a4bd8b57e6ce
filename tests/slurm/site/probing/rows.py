"""The row of an artifact that can be told to take time and memory."""

from assay.catalog import Artifact, Option

PROBE = Artifact(
    module="probing.probe",
    file="probe.json",
    asks=frozenset({"predict"}),
    options={
        "hold_seconds": Option(0.0, "how long the first start of a job takes at most", 0),
        "mib": Option(0, "memory that every start takes, MiB", 0),
    },
    minutes=10,
    mem_mb=1400,
)
