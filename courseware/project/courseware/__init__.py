"""Courseware: what stands around the ten sections: doctor, demo, tests, the site.

The ``course`` script at the root of the clone prepares the environment and hands over to :mod:`courseware.cli`.
"""
