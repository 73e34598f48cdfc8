"""What is given to Keras: coefficients, identifiers and JSON texts."""

import json
import math
import random

import bits

THIRD = 1.0 / 3.0

#: (class, l1, l2) for arrays whose shape is the point, and for those whose content is.
PLAIN_PENALTIES = [
    ("L1L2", 0.01, 0.02),
    ("L1L2", 1e-5, 1.0),
    ("L1", THIRD, 0.0),
    ("L2", 0.0, 0.01),
]
SPECIAL_PENALTIES = [
    ("L1L2", 0.0, 0.0),
    ("L1L2", 0.01, 0.0),
    ("L1L2", 0.0, 0.01),
    ("L1L2", 0.01, 0.02),
    ("L1L2", THIRD, 1.0),
    ("L1", 0.0, 0.0),
    ("L1", 1.0, 0.0),
    ("L2", 0.0, 0.0),
    ("L2", 0.0, 1.0),
]
#: Coefficients at the ends of float32 and below it, tried on the arrays named. None is above it:
#: Keras 2 makes that infinite, and Keras 3 raises an error, for L1L2 and L2 only once it is called.
EXTREME_ARRAYS = ("f32_3", "f64_3")
EXTREME_PENALTIES = [
    ("L1L2", 1e-40, 0.0),
    ("L1L2", 0.0, 1e-50),
    ("L1L2", 1e30, 1e30),
    ("L1L2", 3e38, 0.0),
    ("L1", 1e-50, 0.0),
    ("L2", 0.0, 1e-50),
]

#: Pairs of coefficients that are written as JSON.
WRITTEN_PAIRS = [
    (0.0, 0.0),
    (0.0, 0.01),
    (0.01, 0.0),
    (0.01, 0.01),
    (0.01, 0.02),
    (0.001, 0.0005),
    (1e-05, 1e-06),
    (1e-4, 9.999999999999999e-05),
    (0.00012345, 0.000012345),
    (1.0, 2.0),
    (1e-3, 1e3),
    (0.1, 0.1 + 0.2),
    (0.3, 0.7),
    (THIRD, 2.0 * THIRD),
    (0.009999999776482582, 0.019999999552965164),
    (0.5, 0.25),
    (2.0**-44, 2.0**-10),
    (1.5, 123.456),
    (100000.0, 1000000.0),
    (1e15, 1e16),
    (9999999999999998.0, 1e17),
    (123456789012345678.0, 123456789.0),
    (1e21, 1e22),
    (1e22, 1e23),
    (2.0**53, 2.0**53 + 2.0),
    (2.0**63, 2.0**64),
    (16777216.0, 16777217.0),
    (4294967296.0, 4294967295.0),
    (3.4028234663852886e38, 1.1754943508222875e-38),
    (1.401298464324817e-45, 2.802596928649634e-45),
    (1e-37, 1e37),
    (1e-40, 1e-44),
    (5e-324, 1.7976931348623157e308),
    (2.2250738585072014e-308, 2.225073858507201e-308),
    (1e-300, 1e300),
    (1e-323, 4.9e-322),
    (math.pi, math.e),
    (0.1 * 3, 1.1 * 1.1),
    (5e-05, 0.0001),
    (1.0000000000000002, 0.9999999999999999),
    (12345.678901234567, 0.0012345678901234567),
    (7e-10, 8.41e21),
]

#: Pairs whose text is taken out of a saved model.
SAVED_PAIRS = [(0.01, 0.02), (1e-05, 0.0001), (0.0, 0.5)]

IDENTIFIERS = [
    *("l1", "L1", "l2", "L2", "l1_l2", "l1l2", "L1L2", "L1_L2"),
    *("orthogonal", "OrthogonalRegularizer", "orthogonal_regularizer"),
    *("Regularizer", "WeightRegularizer", "nonsense", "", " l1", "l1 "),
]

#: Arguments as Python text, so that the file can show the ones that JSON has no word for.
LITERALS = [
    *("0", "1", "3", "0.0", "-0.0", "0.01", "1.0", "1e-5", "1e16"),
    *("5e-324", "1e-400", "1e-46", "1e39", "1.7976931348623157e308"),
    *("-1.0", "-1", "-0.01", "-5e-324", "nan", "-nan", "inf", "-inf"),
    *("True", "False", "None", "'0.1'", "''", "b'1'", "[0.1]", "(0.1,)", "{}", "{'l1': 0.1}"),
    *("0.1j", "9007199254740993", "123456789012345678901234567890", "10**400", "-10**400"),
    *("numpy.float64(0.1)", "numpy.float32(0.1)", "numpy.float16(0.1)", "numpy.int64(1)"),
    *("numpy.array(0.1)", "numpy.bool_(True)"),
]

#: Those that are tried as the second coefficient of an L1L2, too.
SECOND_LITERALS = ["1", "-0.0", "0.01", "1e39", "-1.0", "nan", "inf", "True", "None", "'0.1'"]


def _of_class(name, config: str, more: str = "") -> str:
    """An object in the form that Keras 2 writes, with the class's name as JSON text."""
    return f'{{"class_name": {name}, "config": {config}{more}}}'


def _of_module(name: str, config: str, module='"keras.regularizers"', registered="null") -> str:
    """An object in the form that Keras 3 writes."""
    return (
        f'{{"module": {module}, "class_name": "{name}", '
        f'"config": {config}, "registered_name": {registered}}}'
    )


#: Values of a coefficient, tried as l1 of an L1L2.
COEFFICIENT_TEXTS = [
    *("0", "1", "0.0", "-0.0", "-0", "1e-5", "1E+2", "5e-324", "1e-400", "1e-46", "1e39"),
    *("1.7976931348623157e308", "1e400", "-1e400", "-0.01", "-1", "NaN", "Infinity", "-Infinity"),
    *("true", "false", "null", '"0.01"', '""', '"l1"', "[]", "[0.01]", "{}", '{"l1": 0.01}'),
    *("9007199254740993", "123456789012345678901234567890", "1" + "0" * 400),
    '{"class_name": "L1", "config": {"l1": 0.01}}',
    "0.1000000000000000055511151231257827",
]


def _read_texts() -> list:
    pair = '{"l1": 0.25, "l2": 0.5}'
    texts = []

    # The forms that some version of Keras writes.
    texts += [pair, '{"l1": 0.25}', '{"l2": 0.5}', "{}"]
    texts += [_of_class('"L1L2"', pair), _of_class('"L1L2"', pair, ', "shared_object_id": 3')]
    texts += [_of_module("L1L2", pair), _of_module("L1L2", pair, registered='"L1L2"')]
    texts += [_of_module("L1L2", pair)[:-1] + ', "shared_object_id": 140000000000000}']
    for name in ("L1", "L2"):
        config = f'{{"{name.lower()}": 0.25}}'
        texts += [_of_class(f'"{name}"', config), _of_module(name, config)]
    for name in ("WeightRegularizer", "L1L2Regularizer", "L1L2"):
        texts += [f'{{"name": "{name}", "l1": 0.25, "l2": 0.5}}']
    texts += [f'"{name}"' for name in IDENTIFIERS]

    # Order of keys, white space, escapes.
    texts += ['{"config": {"l2": 0.5, "l1": 0.25}, "class_name": "L1L2"}']
    texts += [' \t\r\n{ "class_name" :"L1L2" , "config" : {"l1":0.25,\n"l2":0.5} } \n']
    texts += [_of_class('"\\u004c1L2"', '{"\\u006c1": 0.25}')]

    # A configuration that is missing, empty, null or no object; no class.
    for name in ("L1L2", "L1", "L2", "l1_l2", "l1l2", "l1", "l2"):
        quoted = f'"{name}"'
        texts += [f'{{"class_name": {quoted}}}', _of_class(quoted, "{}"), _of_class(quoted, "null")]
    for config in ("[]", "[0.25, 0.5]", '""', '"L1L2"', "0", "0.25", "true", "false"):
        texts += [_of_class('"L1L2"', config)]
    for config in ("{}", "null", "[]", "0.25", '"L1L2"'):
        texts += [_of_module("L1L2", config)]
    texts += ['{"module": "keras.regularizers", "class_name": "L1L2", "registered_name": null}']
    texts += [f'{{"config": {pair}}}', f'{{"module": "keras.regularizers", "config": {pair}}}']

    # Missing and null coefficients.
    for config in ('{"l1": null, "l2": null}', '{"l1": null, "l2": 0.5}', '{"l2": 0.5}'):
        texts += [_of_class('"L1L2"', config), _of_module("L1L2", config)]
    texts += [_of_class('"L1"', '{"l1": null}'), _of_class('"L2"', '{"l2": null}')]
    texts += [_of_class('"L1"', '{"l": null}'), _of_class('"L1"', '{"l": null, "l1": 0.25}')]

    # Class names that are functions, with coefficients.
    texts += [_of_class('"l1_l2"', pair), _of_class('"l1l2"', pair)]
    texts += [_of_class('"l1_l2"', '{"l1": 0.25}'), _of_class('"l1_l2"', '{"l1": null}')]
    texts += [_of_class('"l1"', '{"l1": 0.25}'), _of_class('"l2"', '{"l2": 0.25}')]
    texts += [_of_class('"l1"', '{"l": 0.25}'), _of_class('"l2"', '{"l": 0.25}')]
    texts += [_of_module("l1_l2", pair), _of_module("l1l2", pair)]
    texts += [_of_module("l1_l2", "{}"), _of_module("l1", '{"l1": 0.25}')]

    # Keys of another class, the old key, both keys, unknown keys.
    for name, key, other in (("L1", "l1", "l2"), ("L2", "l2", "l1")):
        quoted = f'"{name}"'
        texts += [_of_class(quoted, '{"l": 0.25}'), _of_module(name, '{"l": 0.25}')]
        texts += [_of_class(quoted, f'{{"l": 0.25, "{key}": 0.5}}')]
        texts += [_of_class(quoted, f'{{"{key}": 0.5, "l": 0.25}}')]
        texts += [_of_class(quoted, f'{{"{other}": 0.25}}'), _of_class(quoted, pair)]
        texts += [_of_class(quoted, f'{{"{key}": 0.25, "{other}": 0.0}}')]
        texts += [_of_class(quoted, f'{{"{key}": 0.25, "foo": 1}}')]
        texts += [_of_class(quoted, f'{{"{key}": 0.25, "L": 1}}')]
    for key in ("l", "l3", "foo", "L1", "", "name", "dtype", "lambda", "class_name"):
        texts += [_of_class('"L1L2"', f'{{"l1": 0.25, "l2": 0.5, "{key}": 1}}')]
    texts += [_of_class('"L1L2"', '{"l1": 0.25, "l2": 0.5, "foo": null}')]
    texts += [_of_class('"L1L2"', '{"l": 0.25}'), _of_module("L1L2", '{"l1": 0.25, "foo": 1}')]
    texts += ['{"l1": 0.25, "l2": 0.5, "foo": 1}', '{"l": 0.25}', '{"foo": 1}']

    # Keys beside class_name and config.
    beside = ['"foo": 1', '"foo": null', '"build_config": {}', '"build_config": null']
    beside += ['"build_config": {"input_shape": [1]}', '"compile_config": {}']
    beside += ['"compile_config": {"optimizer": "adam"}', '"name": "r"', '"l1": 0.125']
    beside += ['"registered_name": null', '"registered_name": "L1L2"', '"registered_name": "x>Y"']
    beside += ['"shared_object_id": null', '"shared_object_id": "3"', '"shared_object_id": -1.5']
    beside += ['"module": null', '"module": 3', '"module": ""', '"module": []']
    texts += [_of_class('"L1L2"', pair, ", " + text) for text in beside]
    for module in ("keras.layers", "keras.src.regularizers.regularizers", "nowhere", "builtins"):
        texts += [_of_module("L1L2", pair, module=f'"{module}"')]
    texts += [_of_module("L1L2", pair, module="null"), _of_module("L1L2", pair, registered="3")]
    texts += [_of_module("L1L2", pair, registered='"Custom>L1L2"')]
    texts += [_of_module("L1L2", pair)[:-1] + ', "foo": 1}']
    texts += [_of_module("L1L2", pair)[:-1] + ', "build_config": {}}']
    texts += [_of_module("L1L2", pair)[:-1] + ', "build_config": {"input_shape": [1]}}']

    # Other classes, and class names that are no string.
    names = ["OrthogonalRegularizer", "orthogonal_regularizer", "Regularizer", "Dense", "function"]
    names += ["WeightRegularizer", "L1L2Regularizer", "L1_L2", "l1L2", "Custom>L1L2", "foo", ""]
    for name in names:
        texts += [_of_class(f'"{name}"', "{}"), _of_module(name, "{}")]
    texts += [_of_class('"OrthogonalRegularizer"', '{"factor": 0.25, "mode": "rows"}')]
    texts += [_of_class(name, pair) for name in ("null", "3", "true", "[]", '["L1L2"]', "{}")]

    # Values of coefficients.
    texts += [_of_class('"L1L2"', f'{{"l1": {value}}}') for value in COEFFICIENT_TEXTS]
    texts += [_of_class('"L1"', f'{{"l1": {value}}}') for value in ("-0.0", "-1", "true", '"1"')]
    texts += [_of_class('"L2"', f'{{"l2": {value}}}') for value in ("-0.0", "-1", "true", '"1"')]
    for value in ("-0.0", "-1", "true", "1", "1e400", '"0.01"'):
        texts += [_of_module("L1L2", f'{{"l1": 0.25, "l2": {value}}}')]

    # Keys given twice.
    texts += [_of_class('"L1L2"', '{"l1": 0.125, "l1": 0.25}')]
    texts += [_of_class('"L1L2"', '{"l1": -1, "l1": 0.25}')]
    texts += [_of_class('"L1L2"', '{"l1": 0.25, "l1": null}')]
    texts += [_of_class('"L1L2"', '{"l1": 0.25}', ', "config": {"l2": 0.5}')]
    texts += [_of_class('"L1"', '{"l1": 0.25}', ', "class_name": "L1L2"')]

    # Values that are no object.
    texts += ["null", "true", "false", "0", "0.01", "1", "[]", "[0.01, 0.02]", '["L1L2"]']
    texts += [f"[{_of_class(chr(34) + 'L1L2' + chr(34), pair)}]"]

    # Not JSON, or not JSON alone.
    texts += ["", " ", "{", "}", "{'l1': 0.01}", '{"l1": 0.01,}', '{"l1" 0.01}', '{"l1": 0.01} x']
    texts += ['{"l1": 0.01}{}', '{"l1": .5}', '{"l1": 5.}', '{"l1": 01}', '{"l1": +1}', "l1"]
    texts += ['{"l1": 0x10}', '{"l1": 1e}', "{l1: 0.01}", '"l1', '{"l1": 0.01 // no\n}', "NaN"]
    texts += ['{"l1": nan}', '{"l1": inf}', '{"l1": True}', '{"l1": None}', "\ufeff{}", "[1, 2"]
    return texts


def _unique(texts: list) -> list:
    return list(dict.fromkeys(texts))


#: Texts that are given to regularizers.get.
READ_TEXTS = _unique(_read_texts())

#: (class, text): configurations that are given to the class's from_config.
CONFIG_TEXTS = [
    *(("L1L2", f'{{"l1": {value}, "l2": 0.5}}') for value in COEFFICIENT_TEXTS),
    *(("L1L2", f'{{"l1": 0.25, "l2": {value}}}') for value in ("-0.0", "-1", "true", "null", "1")),
    ("L1L2", "{}"),
    ("L1L2", '{"l1": 0.25}'),
    ("L1L2", '{"l2": 0.5}'),
    ("L1L2", '{"l2": 0.5, "l1": 0.25}'),
    ("L1L2", '{"l1": 0.125, "l1": 0.25}'),
    ("L1L2", '{"l": 0.25}'),
    ("L1L2", '{"l1": 0.25, "l2": 0.5, "foo": 1}'),
    ("L1L2", '{"name": "L1L2Regularizer", "l1": 0.25, "l2": 0.5}'),
    ("L1L2", "null"),
    ("L1L2", "[]"),
    ("L1L2", "0.25"),
    ("L1", "{}"),
    ("L1", '{"l1": 0.25}'),
    ("L1", '{"l": 0.25}'),
    ("L1", '{"l": 0.25, "l1": 0.5}'),
    ("L1", '{"l1": 0.25, "l2": 0.5}'),
    ("L2", "{}"),
    ("L2", '{"l2": 0.25}'),
    ("L2", '{"l": 0.25}'),
    ("L2", '{"l": 0.25, "l2": 0.5}'),
    ("L2", '{"l1": 0.25, "l2": 0.5}'),
]


def numbers() -> list:
    """Nonnegative finite numbers whose printed form is recorded, without repetition."""
    generator = random.Random("numbers")
    largest = bits.to_bits(1.7976931348623157e308, "float64")
    values = [0.0, 5e-324, 1e-323, 2.225073858507201e-308, 2.2250738585072014e-308]
    values += [1.7976931348623157e308, 1.7976931348623155e308, 0.1 + 0.2, 9007199254740993.0]
    values += [float(f"1e{exponent}") for exponent in range(-323, 309)][::2]
    values += [math.ldexp(1.0, exponent) for exponent in range(-1074, 1024, 9)]
    for boundary in (1e-5, 1e-4, 1e-3, 1.0, 1e15, 1e16, 1e17, 1e21, 1e22, 1e23, 2.0**53):
        center = bits.to_bits(boundary, "float64")
        values += [bits.from_bits(center + step, "float64") for step in range(-3, 4)]
    values += [round(generator.random(), generator.randint(1, 8)) for _ in range(100)]
    values += [float(generator.randint(0, 10 ** generator.randint(1, 18))) for _ in range(60)]
    values += [generator.randint(1, 9999) * 10.0 ** generator.randint(-30, 30) for _ in range(80)]
    for _ in range(80):
        single = generator.randint(0, bits.to_bits(3.4028234663852886e38, "float32"))
        values.append(bits.from_bits(single, "float32"))
    for decimal in ("0.01", "0.001", "0.0005", "1e-05", "0.1", "0.3", "1e-10", "123.456"):
        values.append(bits.from_bits(bits.to_bits(float(decimal), "float32"), "float32"))
    for _ in range(60):
        values.append(bits.from_bits(generator.getrandbits(generator.randint(1, 52)), "float64"))
    while len(values) < 1400:
        values.append(bits.from_bits(generator.randint(0, largest), "float64"))
    return list(dict.fromkeys(values))


def parse(text: str):
    """The value of a JSON text, made anew because Keras may change what it is given."""
    return json.loads(text)
