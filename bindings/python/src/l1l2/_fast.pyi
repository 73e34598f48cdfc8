# Each returns None, and has done nothing, if the arrays are not alike, compact buffers
# of float32, float64 or float16, or if the library reports an error.
def penalty(function: int, regularizer: int, x: object, /) -> float | None: ...
def add(function: int, sums: int, x: object, /) -> bool | None: ...
def add_gradient(
    function: int, regularizer: int, x: object, scale: float, gradient: object, /
) -> float | None: ...
def penalty_and_add_gradient(
    function: int, regularizer: int, x: object, scale: float, gradient: object, /
) -> float | None: ...
def prox(
    function: int, regularizer: int, x: object, step: float, out: object, /
) -> float | None: ...
def prox_step(
    function: int,
    regularizer: int,
    x: object,
    gradient: object | None,
    step: float,
    steps: object | None,
    out: object,
    /,
) -> float | None: ...
