"""The process manager: named processes that outlive the command that started them.

What belongs here: the state folder, the supervisor that keeps one process, and the operations of ``procman`` on both.
What does not: starting a program (``launch.py``), printing (``cli/``).
"""
