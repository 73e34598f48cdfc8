/// What the real Keras computes, writes, reads and refuses (tests/golden/README.md).
#include "catch.hpp"
