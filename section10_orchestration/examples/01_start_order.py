"""The order in which the services of a stack start, and why each one waits.

Run: ./course run python section10_orchestration/examples/01_start_order.py
Needs: nothing, no root
You should see: migrate, db and web, in this order, each with what it waited for.
"""

import pathlib

from section10_orchestration import Stack, start_order

stack = Stack.parse((pathlib.Path(__file__).parent / "shop.yaml").read_text())
for number, name in enumerate(start_order(stack), 1):
    needs = [f"{d.service} ({d.condition})" for d in stack.services[name].depends_on]
    print(f"{number}. {name:<10} after {', '.join(needs) or 'nothing'}")
