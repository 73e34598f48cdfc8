#!/bin/sh
# Prints what a Python that has a NumPy of its own needs for the tests: requirements.txt without NumPy and what is made
# for one version of it. To be installed without dependencies.
awk '/^[a-z]/ { wanted = !/^(jax|jaxlib|numpy|opt-einsum|scipy)==/ } wanted' "$(dirname "$0")/requirements.txt"
