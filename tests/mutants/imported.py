"""A pytest plugin of one process: minillm is imported with a mutant in it."""

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from tests.mutants.mutant import Mutant
from tests.mutants.swap import module_name


class Loader(SourceFileLoader):
    """Reads the mutant where the file would be read."""

    source = b""

    def get_code(self, fullname: str):
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Finds one module, mutated."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.name = mutant, module_name(mutant.path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        spec.loader = Loader(fullname, spec.origin)
        spec.loader.source = self.mutant.source()
        return spec


place = json.loads(os.environ["MINILLM_MUTANT"])
sys.meta_path.insert(0, Finder(Mutant(*place, "imported")))
