"""The public surface of section 5 is pinned: a change here is a change of the contract."""

import section05_images

EXPECTED = {
    "ArchiveError",
    "BadReference",
    "Image",
    "ImageError",
    "ImageInUse",
    "ImageNotFound",
    "ImageRecord",
    "ImageStore",
    "STUMBLING_BLOCKS",
    "Snapshot",
    "familiar_name",
    "normalize",
    "plan_snapshot",
    "remove_snapshot",
    "remove_tree",
}


def test_surface_is_pinned_and_every_name_loads():
    assert set(section05_images.__all__) == EXPECTED
    assert all(getattr(section05_images, name).__name__ == name for name in EXPECTED - {"STUMBLING_BLOCKS"})
    assert set(section05_images.STUMBLING_BLOCKS) == {"LCM-IM-02", "LCM-IM-03"}
