"""What a method needs that executes its programs: the files of this very Python, to be bound read-only into the jail.

The interpreter, its standard library, the shared libraries of both, and the source of the three packages that
``inside.py`` uses: single files where possible, so that the jail shows no more of the host than that.

What belongs here: which files, and the command. What does not: binding them (the method does, in its own way).
"""

from __future__ import annotations

import os
import sys
import sysconfig

from section04_filesystem.libraries import LibraryFinder

_PACKAGES = ("section01_processes", "section02_namespaces", "section04_filesystem")
_SOURCES = "/opt/isolation"
_PROGRAM = "import sys; sys.path[:0] = {paths!r}; from section04_filesystem.isolation.inside import main; main()"


class Interpreter:
    """``binds``: (path on the host, path in the jail), files and folders; ``argv``: the command in the jail."""

    __slots__ = ("argv", "binds")

    def __init__(self) -> None:
        """Look at the running interpreter. Raises FilesystemError: a library of it is not found."""
        program = f"{sys.base_prefix}/bin/python3"
        executable = os.path.realpath(sys.executable)
        stdlib = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix})
        finder = LibraryFinder()
        libraries = set(finder.closure(executable))
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None) or ""
            if path.startswith(f"{stdlib}/") and path.endswith(".so"):
                libraries.update(finder.closure(path))
        sources = {name: os.path.dirname(str(sys.modules[name].__file__)) for name in _PACKAGES}
        self.binds = [(executable, program), (stdlib, stdlib), *((path, path) for path in sorted(libraries))]
        self.binds += [(folder, f"{_SOURCES}/{name}") for name, folder in sources.items()]
        self.argv = [program, "-I", "-S", "-B", "-c", _PROGRAM.format(paths=[_SOURCES])]
