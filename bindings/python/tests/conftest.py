import pathlib
import sys

# For arrays.py, and for the modules that the tests of a framework share.
tests = pathlib.Path(__file__).parent
sys.path[:0] = [str(tests), str(tests / "frameworks")]
