"""The public surface of section 10 is pinned."""

import section10_orchestration


def test_surface_is_pinned_and_every_name_loads():
    names = ["Dependency", "Service", "Stack", "StackCycle", "StackError", "start_order"]
    assert section10_orchestration.__all__ == names
    assert all(getattr(section10_orchestration, name).__name__ == name for name in names)
