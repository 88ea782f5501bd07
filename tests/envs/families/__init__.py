"""What the tests of all families need of each one: a module a family, of its name, found by the folder.

    twins()   copies that hacked, and copies that did not and that the evaluator cannot tell from them
    PAIRS     worlds, each with the rules once more in plain Python, by a name
    ADMITTED     the ids that must pass the admission checks

Nothing in the rules is taken from the families' tables or steps; assistants are searched for by trying all they can do.
The worlds are small, or shorter than those registered.
"""

from __future__ import annotations

import importlib
import pkgutil

MODULES = {each.name: importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)}
