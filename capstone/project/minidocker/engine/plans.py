"""The plans of every process of a start, side by side: what a dry run prints and an explanation looks up.

What belongs here: gathering them; and a preview for a machine that has no image yet. What does not: printing.
Standard library only: ``./course demo --dry-run`` runs this before anything is installed.
"""

from __future__ import annotations

from minidocker.translate.bundle import Secret
from section01_processes import Plan

from .create import Job, make_job
from .run import Watch, plan_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.options import Options

    from .base import Engine


def all_plans(job: Job) -> dict[str, Plan]:
    """Return the plans of cli, shim, child, init and release for ``job``. Pure."""
    from minidocker.shim.container import plan_shim
    from minidocker.shim.release import plan_release

    folder = job.engine.folder(job.identity)
    out = job.translation
    config = Secret("shim.json", {**out.shim, "seccomp_cache": ""})  # planning must not fill the cache
    plans = {"cli": Plan("cli", plan_run(job, b"", Watch())), **plan_shim(folder, config, out.spec)}
    steps = plan_release(folder, job.identity, out.shim, remove=job.options.rm, by_shim="/")
    return {**plans, "release": Plan("release", steps)}


def preview(engine: Engine, options: Options, config: dict[str, Any], *, as_root: bool = False) -> dict[str, Plan]:
    """Return the plans for ``options`` on an image that need not exist: ``config`` is its OCI configuration. Pure.

    ``as_root``: what root would do, whoever asks; otherwise what the caller would.
    """
    from section05_images import Image

    layers = [f"{engine.root.images}/layers/<the image's layer>/diff"]
    image = Image("sha256:" + "0" * 64, [options.image], {"config": config}, layers, 0, "")
    return all_plans(make_job(engine, options, [], image, dry=True, as_root=as_root))
