"""The idea of section 7 in its plain case: give capabilities up, and compile and load a filter of system calls."""
