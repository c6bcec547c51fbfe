"""``python -m section07_security.cli`` is ``secman``."""

from . import main

main()
