"""What section 8 promises to the floors above: change it knowingly."""

import section08_oci

SURFACE = """Bundle ContainerExists ContainerNotFound Created DEFAULT_ENV DEVICE_RULES ExecOptions IllegalTransition
InsideError OciError Options PeerDied STUMBLING_BLOCKS SpecError StartError State TRANSITIONS Target abandon check_id
check_spec create created default_mounts default_spec delete exec_process kill plan_container plan_create plan_exec
run_hooks start state"""


def test_the_surface_is_pinned():
    assert sorted(section08_oci.__all__) == SURFACE.split()
    for name in section08_oci.__all__:
        assert getattr(section08_oci, name) is not None
