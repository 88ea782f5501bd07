"""Finds the packages, since pyproject.toml can only list those that are imported by other names than their folders'."""

from setuptools import find_packages, setup

FOLDERS = ("envs", "agents", "configs")
"""Imported as rrm.envs, rrm.agents and rrm.configs: see ``package-dir`` in pyproject.toml."""

# Where there are links, the folders are found below rrm/, too.
linked = [f"rrm.{folder}{below}" for folder in FOLDERS for below in ("", ".*")]
packages = find_packages(include=["rrm", "rrm.*"], exclude=linked)
for folder in FOLDERS:
    packages += [f"rrm.{package}" for package in find_packages(include=[folder, f"{folder}.*"])]

setup(packages=packages)
