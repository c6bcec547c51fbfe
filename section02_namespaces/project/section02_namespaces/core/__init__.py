"""The idea of the section: which kinds there are, how to make and join them, how ids are mapped."""
