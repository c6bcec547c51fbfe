"""Not written yet."""

import lab

raise lab.Todo("name the signals")
