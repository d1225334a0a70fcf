"""Put the cases and their sample into a wheel; all other settings are in setup.cfg."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("cases", "data/samples/calligraphy")  # top-level folders, which are no packages


class BuildWithCases(build_py):
    """Copy the top-level folders to `keras_cnn/shipped` of a wheel."""

    def run(self):
        """Build the package; an editable installation reads the folders of the checkout."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "keras_cnn", "shipped")
        for folder in SHIPPED:
            shutil.copytree(
                folder,
                target / folder,
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )


setup(cmdclass={"build_py": BuildWithCases})
