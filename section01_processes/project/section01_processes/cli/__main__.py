"""python -m section01_processes.cli: the tool without its launcher."""

from section01_processes.cli import main

main()
