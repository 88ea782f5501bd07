"""The families of worlds, one folder each. Importing this package registers all of them with Gymnasium.

A folder holds

* ``rules.py``: the rules in words, and the world of the task (those in which assistants act may have their own files);
* ``table.py``: the world as a table for the exact solver;
* ``drawing.py``: its pictures;
* ``sheets.py``: what the documentation shows of it (``rrm.envs.sheets``);
* ``__init__.py``: registers its ids.

A family is found because its folder is here. Nothing lists the families.
"""

import importlib
import pkgutil

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
