"""Records what Keras itself does with L1, L2 and L1L2, for tests that run without Python.

    python record.py {keras3,keras316,tf_keras,keras212} OUT

writes one JSON file. README.md describes the file and the environments.
"""

import argparse
import json
import math
import os
import pathlib
import re
import tempfile
import zipfile

# One thread and the plain kernels, so that a second run adds in the same order as the first. All
# of this must be in the environment before TensorFlow is loaded.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy
import tensorflow

import arrays
import bits
import cases

#: The option of the command line, and the package and first digits of the version it stands for.
WRITERS = {
    "keras3": ("keras", "3.15."),
    "keras316": ("keras", "3.16."),
    "tf_keras": ("tf_keras", "2."),
    "keras212": ("keras", "2.12."),
}

#: How far Keras's own result, in its own type, may be from the exact one without a remark.
CLOSE = 1e-5

#: Keras writes the address of a shared object as its number; this one stands for all of them.
SHARED_OBJECT_ID = 140000000000000

MESSAGE_LENGTH = 120


class Keras:
    """The library that is recorded, behind one interface for all versions."""

    def __init__(self, name: str):
        package, version = WRITERS[name]
        self.package = package
        self.name = name
        self.keras = __import__(package)
        self.regularizers = self.keras.regularizers
        if not self.keras.__version__.startswith(version):
            raise SystemExit(f"{name} needs {package} {version}*, not {self.keras.__version__}")

    @property
    def writer(self) -> dict:
        return {
            "package": self.package,
            "version": self.keras.__version__,
            "backend": "tensorflow",
            "backend_version": tensorflow.__version__,
        }

    def make(self, kind: str, l1: float, l2: float):
        if kind == "L1L2":
            return self.regularizers.L1L2(l1=l1, l2=l2)
        if kind == "L1":
            return self.regularizers.L1(l1=l1)
        return self.regularizers.L2(l2=l2)

    def model(self, kinds_and_pairs: list):
        """A model each of whose layers shares one regularizer between its two variables."""
        layers = [self.keras.Input((1,))]
        for kind, l1, l2 in kinds_and_pairs:
            shared = self.make(kind, l1, l2)
            layers.append(
                self.keras.layers.Dense(1, kernel_regularizer=shared, bias_regularizer=shared)
            )
        return self.keras.Sequential(layers)


def coefficients_of(regularizer) -> tuple:
    """The coefficients that a regularizer keeps; the one that a class does not have is 0."""
    config = regularizer.get_config()
    return config.get("l1", 0.0), config.get("l2", 0.0)


def number_hex(value: float) -> str:
    """The bits of a number; one NaN stands for all, as its sign and payload differ between CPUs."""
    return "7ff8000000000000" if math.isnan(value) else bits.to_hex(value)


def stored(regularizer, prefix: str = "") -> dict:
    l1, l2 = coefficients_of(regularizer)
    return {f"{prefix}l1": number_hex(l1), f"{prefix}l2": number_hex(l2)}


def error(exception: Exception) -> dict:
    message = str(exception)[:MESSAGE_LENGTH]
    if " at 0x" in message:
        raise AssertionError(f"the message holds an address and would differ: {message}")
    return {"error": type(exception).__name__, "message": message}


def outcome(keras: Keras, action) -> dict:
    """What an action gives: coefficients, an object of another class, or an error."""
    try:
        result = action()
    except Exception as exception:  # whatever Keras raises is what is to be recorded
        return error(exception)
    kind = type(result).__name__
    if isinstance(result, keras.regularizers.Regularizer) and kind in ("L1", "L2", "L1L2"):
        return {**stored(result), "class": kind}
    return {"class": kind}


def difference(array: arrays.Array, penalty: float, exact: float) -> str:
    """Why Keras's result is not close to the exact one, or nothing if it is."""
    if penalty == exact or (math.isnan(penalty) and math.isnan(exact)):
        return ""
    if math.isnan(penalty):
        # A class of one coefficient multiplies even by 0.
        return "zero times non-finite"
    if math.isinf(penalty):
        return "overflow"
    if abs(penalty - exact) <= CLOSE * exact:
        return ""
    if penalty < exact:
        return "underflow"
    raise AssertionError(f"{array.name}: {penalty!r} is not explained by {exact!r}")


def record_penalties(keras: Keras, all_arrays: list) -> list:
    entries = []
    for array in all_arrays:
        integers = numpy.array(array.elements, dtype=array.dtype.replace("float", "uint"))
        tensor = tensorflow.constant(integers.view(array.dtype).reshape(array.shape))
        plan = list(cases.SPECIAL_PENALTIES if array.special else cases.PLAIN_PENALTIES)
        if array.name in cases.EXTREME_ARRAYS:
            plan += cases.EXTREME_PENALTIES
        for kind, l1, l2 in plan:
            regularizer = keras.make(kind, l1, l2)
            result = regularizer(tensor)
            penalty = float(result)
            entry = {"array": array.name, "class": kind, "l1": number_hex(l1), "l2": number_hex(l2)}
            entry.update(stored(regularizer, "stored_"))
            entry["penalty"] = number_hex(penalty)
            entry["result_dtype"] = result.dtype.name
            exact = array.exact_penalty(*coefficients_of(regularizer))
            entry["exact"] = number_hex(exact)
            if remark := difference(array, penalty, exact):
                entry["differs"] = remark
            entries.append(entry)
    return entries


def form_of(text: str) -> str:
    keys = list(json.loads(text))
    form = "keras3" if "module" in keys else "keras2" if "class_name" in keys else "config"
    return form + ("_shared" if "shared_object_id" in keys else "")


def written(kind: str, regularizer, source: str, text: str) -> dict:
    entry = {"form": form_of(text), "source": source, "class": kind}
    return {**entry, **stored(regularizer), "json": text}


def regularizers_in(text: str) -> list:
    """The texts of the regularizers of a model's kernels, exactly as they stand in its JSON."""
    decoder = json.JSONDecoder()
    found = []
    for match in re.finditer(r'"kernel_regularizer": ', text):
        _, end = decoder.raw_decode(text, match.end())
        found.append(text[match.end() : end])
    return found


def shared_id_replaced(text: str) -> str:
    return re.sub(r'("shared_object_id": )\d{10,}', rf"\g<1>{SHARED_OBJECT_ID}", text)


def saved_texts(keras: Keras, model, directory: pathlib.Path) -> dict:
    """The regularizers' texts in every format to which this version saves a model as JSON."""
    texts = {"to_json": regularizers_in(model.to_json())}
    if keras.name != "keras212":
        model.save(directory / "model.keras")
        with zipfile.ZipFile(directory / "model.keras") as archive:
            config = archive.read("config.json").decode()
        texts["keras_file"] = [shared_id_replaced(text) for text in regularizers_in(config)]
    if not keras.name.startswith("keras3"):
        model.save(directory / "saved_model", save_format="tf")
        metadata = (directory / "saved_model" / "keras_metadata.pb").read_bytes()
        # The metadata repeat each layer after the model; only the model has them all in order.
        count = len(texts["to_json"])
        texts["saved_model"] = regularizers_in(metadata.decode("latin-1"))[:count]
    return texts


def record_serialized(keras: Keras) -> list:
    plan = [("L1L2", l1, l2) for l1, l2 in cases.WRITTEN_PAIRS]
    plan += [("L1", l1, 0.0) for l1, _ in cases.WRITTEN_PAIRS]
    plan += [("L2", 0.0, l2) for _, l2 in cases.WRITTEN_PAIRS]
    entries = []
    for kind, l1, l2 in plan:
        regularizer = keras.make(kind, l1, l2)
        if not all(map(math.isfinite, coefficients_of(regularizer))):
            continue  # rounded to an infinite float32; json.dumps then writes what is not JSON
        config = json.dumps(regularizer.get_config())
        entries.append(written(kind, regularizer, "get_config", config))
        if kind == "L1L2" or len(entries) % 4 == 0:
            text = json.dumps(keras.regularizers.serialize(regularizer))
            entries.append(written(kind, regularizer, "serialize", text))
        if keras.name == "tf_keras" and kind == "L1L2":
            legacy = keras.regularizers.serialize(regularizer, use_legacy_format=True)
            entries.append(written(kind, regularizer, "serialize_legacy", json.dumps(legacy)))
    for l1, l2 in cases.SAVED_PAIRS:
        plan = [("L1L2", l1, l2), ("L1", l1, 0.0), ("L2", 0.0, l2)]
        with tempfile.TemporaryDirectory() as directory:
            texts = saved_texts(keras, keras.model(plan), pathlib.Path(directory))
        for source, found in texts.items():
            if len(found) != len(plan):
                raise AssertionError(f"{source}: {found}")
            for case, text in zip(plan, found):
                entries.append(written(case[0], keras.make(*case), source, text))
    return entries


def record_identifiers(keras: Keras) -> list:
    return [
        {"identifier": name, **outcome(keras, lambda: keras.regularizers.get(name))}
        for name in cases.IDENTIFIERS
    ]


def record_reads(keras: Keras) -> list:
    entries = []
    for text in cases.READ_TEXTS:
        by_get = outcome(keras, lambda: keras.regularizers.get(cases.parse(text)))
        by_deserialize = outcome(keras, lambda: keras.regularizers.deserialize(cases.parse(text)))
        entry = {"json": text, **by_get}
        if by_deserialize != by_get:
            entry["deserialize"] = by_deserialize
        entries.append(entry)
    return entries


def record_configs(keras: Keras) -> list:
    entries = []
    for kind, text in cases.CONFIG_TEXTS:
        from_config = getattr(keras.regularizers, kind).from_config
        result = outcome(keras, lambda: from_config(cases.parse(text)))
        entries.append({"from": kind, "json": text, **result})
    return entries


def record_coefficients(keras: Keras) -> list:
    names = {"inf": math.inf, "nan": math.nan, "numpy": numpy}
    entries = []
    plan = [(kind, "l1", cases.LITERALS) for kind in ("L1L2", "L1")]
    plan += [("L1L2", "l2", cases.SECOND_LITERALS), ("L2", "l2", cases.LITERALS)]
    for kind, key, literals in plan:
        constructor = getattr(keras.regularizers, kind)
        for literal in literals:
            argument = {key: eval(literal, names)}
            entry = {"class": kind, key: literal}
            try:
                entry.update(stored(constructor(**argument), "stored_"))
            except Exception as exception:  # as in outcome()
                entry.update(error(exception))
            entries.append(entry)
    return entries


def record(keras: Keras) -> dict:
    """Everything, in the order in which it stands in the file; of Keras 3.16 what differs."""
    all_arrays = arrays.all_arrays()
    sections = {
        "arrays": [array.to_json() for array in all_arrays],
        "penalties": record_penalties(keras, all_arrays),
        "serialized": record_serialized(keras),
        "identifiers": record_identifiers(keras),
        "reads": record_reads(keras),
        "configs": record_configs(keras),
        "coefficients": record_coefficients(keras),
    }
    if keras.name == "keras316":
        return {name: sections[name] for name in ("reads", "configs", "coefficients")}
    if keras.name == "keras3":
        # Python's own repr, so the same for every version: once is enough.
        sections["numbers"] = [[bits.to_hex(x), json.dumps(x)] for x in cases.numbers()]
    return sections


def dump(writer: dict, sections: dict) -> str:
    """JSON with one entry a line, so that a change shows as the lines that it is."""
    parts = [f'"writer": {json.dumps(writer)}']
    for name, entries in sections.items():
        lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries)
        parts.append(f'"{name}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("writer", choices=sorted(WRITERS), help="the library that is recorded")
    parser.add_argument("out", type=pathlib.Path, help="the JSON file that is written")
    arguments = parser.parse_args()

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    keras = Keras(arguments.writer)
    arguments.out.write_text(dump(keras.writer, record(keras)), encoding="ascii")


if __name__ == "__main__":
    main()
