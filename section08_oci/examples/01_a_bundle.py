"""A bundle is a folder: a root file system, and config.json that says what to run in it, and how.

Run:  ./course run python section08_oci/examples/01_a_bundle.py
Needs: nothing; no root, nothing is changed
You should see: the kinds of namespaces and mounts of a default container, then the steps of the three processes that
    would make it, counted, and why a broken config is refused.
"""

from section08_oci import Bundle, Options, SpecError, check_spec, default_spec, plan_container

spec = default_spec(["/bin/sh", "-c", "hostname"])
print("namespaces:", " ".join(entry["type"] for entry in spec["linux"]["namespaces"]))
for mount in spec["mounts"]:
    print(f"  {mount['type']:8} {mount['destination']:16} {','.join(mount['options'])}")

# Plans are pure: nothing below touches the system, and the bundle's folder need not exist.
for name, plan in plan_container(Bundle("/bundle", spec), Options("web", "/run/web", process="cli")).items():
    print(f"{name}: {len(plan.steps)} steps, from {plan.steps[0].act.__name__} to {plan.steps[-1].act.__name__}")

spec["linux"]["sysctl"] = {"vm.swappiness": "10"}
try:
    check_spec(spec)
except SpecError as error:
    print("refused:", error)
