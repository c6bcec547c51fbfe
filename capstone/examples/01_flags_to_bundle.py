"""Turn Docker's flags into an OCI bundle without touching anything.

Run: ./course run python capstone/examples/01_flags_to_bundle.py
Needs: nothing, no root.
You should see: for three sets of flags, the parts of config.json that they change, and an error that names its flag.
"""

from minidocker.engine.catalogue import catalogue
from minidocker.errors import BadOption
from minidocker.options import Options
from minidocker.paths import StateRoot
from minidocker.translate.bundle import translate
from minidocker.translate.facts import Facts

IMAGE = {"Entrypoint": ["/bin/server"], "Cmd": ["--port", "80"], "Env": ["LANG=C"], "WorkingDir": "/srv"}
FACTS = Facts(StateRoot("/var/lib/minidocker"), "c0ffee" + "0" * 58)


def spec_of(*command: str, **flags):
    return translate(Options("image", command, **flags), [], IMAGE, ["/layer"], FACTS, catalogue()).spec


plain = spec_of()
print("entrypoint + cmd:   ", plain["process"]["args"], "in", plain["process"]["cwd"])
print("environment:        ", plain["process"]["env"])
print("namespaces:         ", ", ".join(n["type"] for n in plain["linux"]["namespaces"]))
print("capabilities:       ", len(plain["process"]["capabilities"]["bounding"]))

other = spec_of("--debug", network="host", cap_drop=("ALL",), cap_add=("chown",), memory="64m", cpus="0.5")
print("\nits own arguments:  ", other["process"]["args"])
print("--network host:     ", ", ".join(n["type"] for n in other["linux"]["namespaces"]))
print("--cap-drop/-add:    ", other["process"]["capabilities"]["bounding"])
print("-m 64m --cpus 0.5:  ", other["linux"]["resources"]["memory"], other["linux"]["resources"]["cpu"])

mounts = spec_of(volume=("/data:/d:ro", "cache:/c"), tmpfs=("/t:size=64k",))["mounts"]
print("\n-v, --tmpfs:")
for mount in mounts[-3:]:
    print("  ", mount["destination"], mount["type"], mount["source"], ",".join(mount["options"]))

try:
    spec_of(memory="lots")
except BadOption as error:
    print("\nrefused before anything is touched:", error)
