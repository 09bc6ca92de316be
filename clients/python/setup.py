"""Makes src/corral/_sync.py before the package is built; pyproject.toml has everything else."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class Build(build_py):
    def run(self) -> None:
        runpy.run_path(str(Path(__file__).parent / "scripts/make_sync.py"))
        super().run()


setup(cmdclass={"build_py": Build})
