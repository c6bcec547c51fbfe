"""The naive grader's results: a score in its output, in a file, an exit status. Copied as its ``conftest.py``."""

import json


def pytest_sessionfinish(session, exitstatus):
    """Write the score down; a file that is there already is taken for ours."""
    score = 10 if exitstatus == 0 else 0
    print(f"\nscore: {score}")
    with open("results.json", "w", encoding="utf-8") as file:
        json.dump({"score": score}, file)
