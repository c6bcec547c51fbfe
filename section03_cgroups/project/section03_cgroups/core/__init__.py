"""The idea of control groups in its plain case, version 2: a folder is a group, a file is a setting."""
