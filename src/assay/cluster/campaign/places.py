"""Where the jobs of a campaign go, and what the one that closes it asks for."""

from collections.abc import Sequence
from dataclasses import replace

from assay.cluster.campaign.arrays import Pilots
from assay.cluster.campaign.folder import END, Executor
from assay.cluster.preflight.asks import Ask, ask_of
from assay.cluster.preflight.destinations import declared_partitions, preferred
from assay.cluster.preflight.profile import Profile, read_profile
from assay.cluster.preflight.site import read_site

END_MB = 4000  # to write the manifest of ten thousand checkpoints
END_MINUTES = 60  # for that, and to wait for pilots before


def profile_of(name: str, executor: Executor) -> Profile:
    """What a site asks for; nothing where pilots run here.

    Raises:
        ConfigError: there is no such profile.
    """
    return read_profile(name) if executor == "slurm" else Profile("no profile", {})


def placed(pilots: Sequence[Pilots], profile: Profile) -> list[Pilots]:
    """The pilots with the partitions that have room for them; Slurm's default where empty."""
    asks = _with_partitions([each.ask for each in pilots], profile)
    return [
        replace(each, array=replace(each.array, partition=ask.partition), ask=ask)
        for each, ask in zip(pilots, asks, strict=True)
    ]


def closing(pilots: Sequence[Pilots], profile: Profile, executor: Executor) -> Ask:
    """What the job that closes a campaign asks for, as the preflight takes it.

    It goes where pilots without a GPU are; else where a rule goes of which the profile says nothing, since partitions
    of GPUs may refuse it.
    """
    beside = [each.ask for each in pilots if not each.ask.gpus]
    like = beside[0] if beside else ask_of(END, {}, profile)
    ask = replace(
        like,
        job="the end of the campaign",
        minutes=min(END_MINUTES, like.minutes or END_MINUTES),
        mem_mb=END_MB,
        gpus=0,
        gpu_kind="",
        cpus=1,
        settings=f"--minutes, or its slurm_partition in {profile.path}",
    )
    return ask if beside or executor == "local" else _with_partitions([ask], profile)[0]


def _with_partitions(asks: Sequence[Ask], profile: Profile) -> list[Ask]:
    site, _ = read_site()
    declared, _ = declared_partitions(profile)
    if site is None:
        return list(asks)
    return [replace(ask, partition=",".join(filter(None, preferred(ask, site, declared)))) for ask in asks]
