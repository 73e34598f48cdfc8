# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of l1l2.keras on the backend that KERAS_BACKEND names, against Keras's own."""

import copy
import json
import pathlib
import pickle
import re
import subprocess
import sys

import numpy
import pytest

keras = pytest.importorskip("keras")

import l1l2
from l1l2.keras import L1, L1L2, L2, restore, use

BACKEND = keras.backend.backend()
KERAS = tuple(map(int, keras.__version__.split(".")[:2]))
DIGITS = pathlib.Path(__file__).resolve().parents[4] / "examples/data/digits"
PAIRS = [
    (L1L2, keras.regularizers.L1L2, {"l1": 0.01, "l2": 0.02}),
    (L1L2, keras.regularizers.L1L2, {"l2": 0.02}),
    (L1, keras.regularizers.L1, {"l1": 0.03}),
    (L2, keras.regularizers.L2, {"l2": 0.03}),
    (L1L2, keras.regularizers.L1L2, {}),
    (L1, keras.regularizers.L1, {}),
    (L2, keras.regularizers.L2, {}),
]
WEIGHTS = numpy.random.default_rng(20).normal(size=(65, 31))
WEIGHTS[0, 0] = 0.0
#: None of the modes of compile is what a backend does anyway, but the first.
MODES = [{}, {"jit_compile": True}, {"jit_compile": False}, {"run_eagerly": True}]


def has_xla_for_tensorflow():
    import tensorflow

    return tuple(map(int, tensorflow.__version__.split(".")[:2])) >= (2, 19)


def skip_unless_supported(mode):
    if BACKEND == "tensorflow" and mode.get("jit_compile"):
        if not has_xla_for_tensorflow():
            pytest.skip("XLA of this TensorFlow cannot call l1l2")


def images(count):
    """Returns 8 x 8 images of ten kinds, and which kind each is."""
    random = numpy.random.default_rng(5)
    kinds = random.uniform(size=(10, 8, 8, 1))
    labels = random.integers(0, 10, count)
    return (kinds[labels] + random.normal(size=(count, 8, 8, 1)) / 3).astype(
        "f4"
    ), labels


class Losses(keras.callbacks.Callback):
    """Keeps the loss of every step."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(logs["loss"])


# No L1 of biases, which begin at 0: there it flips them to and fro between the smallest
# numbers, whose signs are rounding errors of the rest of the step.
def small_model(l1l2_class=L1L2, l1_class=L1, l2_class=L2, **options):
    keras.utils.set_random_seed(20)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(
                6,
                3,
                activation="relu",
                kernel_regularizer=l1l2_class(0.001, 0.002),
                bias_regularizer=l2_class(0.001),
                activity_regularizer=l1l2_class(l2=0.0001),
                **options,
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(24, "relu", kernel_regularizer=l2_class(0.001)),
            keras.layers.Dense(10, kernel_regularizer=l1_class(0.0005)),
        ]
    )


def keras_model(**options):
    return small_model(
        keras.regularizers.L1L2, keras.regularizers.L1, keras.regularizers.L2, **options
    )


def losses_of_fit(model, epochs=5, **mode):
    model.compile(
        keras.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **mode,
    )
    losses = Losses()
    x, y = images(256)
    model.fit(x, y, 32, epochs=epochs, verbose=0, shuffle=False, callbacks=[losses])
    return numpy.array(losses.values, "f8")


def losses_of_call(model):
    """Returns the losses that the model adds, for some images."""
    model(images(4)[0])
    return [float(loss) for loss in model.losses]


def digits_model():
    """Returns the model of examples/data/digits as Keras 3 has written it."""
    keras.utils.set_random_seed(20)
    model = keras.models.model_from_json((DIGITS / "model.keras3.json").read_text())
    for layer in model.layers:
        for variable in layer.variables:
            path = DIGITS / f"weights/{layer.name}.{variable.name}.npy"
            if path.exists():
                variable.assign(numpy.load(path))
    return model


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_fit_gives_the_losses_of_keras(mode):
    skip_unless_supported(mode)
    epochs = 2 if mode else 5
    ours = losses_of_fit(small_model(), epochs, **mode)
    theirs = losses_of_fit(keras_model(), epochs, **mode)
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert ours[-1] < ours[0]


@pytest.mark.skipif(
    KERAS < (3, 15),
    reason="the model is written by Keras 3.15, which older ones refuse",
)
def test_the_digits_model_after_use_gives_the_losses_of_keras():
    theirs, ours = digits_model(), digits_model()
    total = json.loads((DIGITS / "losses.json").read_text())["total"]
    assert use(ours) == 9
    assert float(sum(map(float, ours.losses))) == pytest.approx(total, rel=1e-6)
    numpy.testing.assert_allclose(losses_of_fit(ours), losses_of_fit(theirs), rtol=1e-6)


@pytest.mark.parametrize(("ours", "theirs", "config"), PAIRS)
def test_penalties_are_those_of_keras(ours, theirs, config):
    variable = keras.Variable(WEIGHTS.astype("f4"))
    value, expected = ours(**config)(variable), theirs(**config)(variable)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert value.shape == expected.shape == ()
    numpy.testing.assert_allclose(float(value), float(expected), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_penalty_has_the_dtype_of_its_tensor_and_the_same_bits_everywhere(dtype):
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    try:
        x = keras.ops.convert_to_tensor(WEIGHTS, dtype)
        value = L1L2(0.01, 0.02)(x)
        assert keras.backend.standardize_dtype(value.dtype) == dtype
        as_numbers = keras.ops.convert_to_numpy(keras.ops.cast(x, "float64"))
        expected = l1l2.Regularizer(0.01, 0.02)(as_numbers)
        number = float(keras.ops.convert_to_numpy(keras.ops.cast(value, "float64")))
        if dtype == "float64":
            assert number == expected
        elif dtype == "float32":
            assert number == numpy.float32(expected)
        elif dtype == "float16":
            assert number == numpy.float16(numpy.float32(expected))
        else:
            bits = numpy.array([expected], "f4").view("u4")
            rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & numpy.uint32(0xFFFF0000)
            assert number == rounded.view("f4")[0]
    finally:
        if BACKEND == "jax":
            jax.config.update("jax_enable_x64", False)


def test_float16_does_not_overflow_where_the_penalty_does_not():
    heavy = keras.ops.full((300,), 20.0, "float16")
    assert float(L2(0.01)(heavy)) == 1200.0
    assert float(keras.regularizers.L2(0.01)(heavy)) == numpy.inf


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(
                16,
                kernel_regularizer=L1L2(0.001, 0.002),
                dtype=policy,
            ),
            keras.layers.Dense(10, kernel_regularizer=L1(0.0005), dtype=policy),
        ]
    )
    losses = losses_of_fit(model, 2)
    assert numpy.isfinite(losses).all()
    assert losses[-1] < losses[0]
    for value in model.losses:
        assert keras.backend.standardize_dtype(value.dtype) == "float32"


LAYERS = [
    (lambda r: keras.layers.Dense(3, kernel_regularizer=r, bias_regularizer=r), (4,)),
    (lambda r: keras.layers.Dense(3, activity_regularizer=r), (4,)),
    (lambda r: keras.layers.Embedding(9, 3, embeddings_regularizer=r), (4,)),
    (
        lambda r: keras.layers.LSTM(
            3, kernel_regularizer=r, recurrent_regularizer=r, bias_regularizer=r
        ),
        (5, 4),
    ),
    (
        lambda r: keras.layers.Bidirectional(keras.layers.GRU(3, kernel_regularizer=r)),
        (5, 4),
    ),
    (
        lambda r: keras.layers.BatchNormalization(
            beta_regularizer=r, gamma_regularizer=r
        ),
        (4,),
    ),
    (
        lambda r: keras.layers.SeparableConv2D(
            3, 2, depthwise_regularizer=r, pointwise_regularizer=r
        ),
        (6, 6, 2),
    ),
    (
        lambda r: keras.layers.MultiHeadAttention(2, 2, kernel_regularizer=r),
        None,
    ),
    (
        lambda r: keras.layers.TimeDistributed(
            keras.layers.Dense(2, kernel_regularizer=r)
        ),
        (5, 4),
    ),
    (lambda r: keras.layers.ActivityRegularization(0.1, 0.1), (4,)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_every_argument_of_a_layer_that_takes_a_regularizer(make, shape):
    def losses_of(regularizer):
        keras.utils.set_random_seed(20)
        layer = make(regularizer)
        if shape is None:
            x = keras.ops.ones((2, 5, 4))
            layer(x, x)
        else:
            layer(keras.ops.ones((2, *shape)))
        return [float(loss) for loss in layer.losses]

    ours = losses_of(L1L2(0.01, 0.02))
    assert len(ours) > 0
    numpy.testing.assert_allclose(
        ours, losses_of(keras.regularizers.L1L2(0.01, 0.02)), rtol=1e-6
    )


def test_a_functional_model_with_regularizers_of_its_tensors():
    inputs = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(6, activity_regularizer=L2(0.01))(
        keras.layers.Flatten()(inputs)
    )
    penalty = L1L2(0.01, 0.02)(hidden)
    assert isinstance(penalty, keras.KerasTensor)
    assert (penalty.shape, penalty.dtype) == ((), hidden.dtype)
    model = keras.Model(inputs, [hidden, penalty])
    x, _ = images(4)
    values, penalty = model(x)
    expected = l1l2.Regularizer(0.01, 0.02)(keras.ops.convert_to_numpy(values))
    assert float(penalty) == numpy.float32(expected)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert float(again(x)[1]) == float(penalty)
    restore(model)
    names = set(re.findall(r"l1l2>\w+", model.to_json()))
    assert names == {"l1l2>Penalty"}


def test_a_saved_model_is_loaded_and_trains_on(tmp_path):
    model = small_model()
    losses_of_fit(model, 1)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded.layers[0].kernel_regularizer) is L1L2
    assert type(loaded.layers[0].bias_regularizer) is L2
    assert type(loaded.layers[3].kernel_regularizer) is L1
    assert losses_of_call(loaded) == losses_of_call(model)
    numpy.testing.assert_allclose(
        losses_of_fit(loaded, 1), losses_of_fit(model, 1), rtol=1e-6
    )


def test_a_saved_model_says_by_name_what_is_missing_and_restore_makes_it_keras(
    tmp_path,
):
    model = small_model()
    model.save(tmp_path / "ours.keras")
    assert "l1l2>L1L2" in model.to_json()
    assert restore(model) == 5
    assert "l1l2" not in model.to_json().lower().replace('"l1l2"', "")
    model.save(tmp_path / "theirs.keras")
    program = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]);"
        "print(type(model.layers[0].kernel_regularizer));"
        "import l1l2.keras;"
        "print(l1l2.keras.use(model), type(model.layers[0].kernel_regularizer))"
    )
    # Later versions of Keras take their own classes of the same names.
    for name in ("theirs", "ours") if KERAS >= (3, 15) else ("theirs",):
        out = subprocess.run(
            [sys.executable, "-c", program, tmp_path / f"{name}.keras"],
            check=True,
            capture_output=True,
            text=True,
        )
        first, second = out.stdout.splitlines()
        assert "keras" in first and "l1l2" not in first
        assert second == "5 <class 'l1l2.keras.L1L2'>"


def test_a_clone_has_the_regularizers():
    model = small_model()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert type(clone.layers[0].kernel_regularizer) is L1L2
    assert losses_of_call(clone) == losses_of_call(model)


@pytest.mark.parametrize(("ours", "theirs", "config"), PAIRS)
def test_configurations_are_those_of_keras_and_read_by_both(ours, theirs, config):
    regularizer = ours(**config)
    expected = pytest.approx(theirs(**config).get_config(), rel=1e-7)
    assert regularizer.get_config() == expected
    assert theirs.from_config(regularizer.get_config()).get_config() == expected
    assert ours.from_config(theirs(**config).get_config()).get_config() == expected
    for value in regularizer.get_config().values():
        assert type(value) is float
    serialized = keras.regularizers.serialize(regularizer)
    assert serialized["registered_name"] == f"l1l2>{ours.__name__}"
    for read in (keras.regularizers.deserialize, keras.regularizers.get):
        assert type(read(serialized)) is ours
    for made in (
        copy.copy(regularizer),
        copy.deepcopy(regularizer),
        pickle.loads(pickle.dumps(regularizer)),
    ):
        assert type(made) is ours
        assert made.get_config() == regularizer.get_config()
    assert keras.regularizers.get(regularizer) is regularizer
    assert isinstance(regularizer, theirs)


def test_the_library_reads_what_keras_writes_of_a_regularizer():
    config = L1L2(0.01, 0.02).get_config()
    assert l1l2.Regularizer.from_json(config) == l1l2.Regularizer(0.01, 0.02)


def test_coefficients_that_are_none_are_the_defaults_of_keras():
    assert L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}
    assert L1(None).get_config() == {"l1": 0.01}
    assert L2(None).get_config() == {"l2": 0.01}


@pytest.mark.parametrize("bad", [-1.0, numpy.nan, numpy.inf, "0.1", [0.1]])
@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [(ours, theirs, name) for ours, theirs, config in PAIRS[:4] for name in config],
)
def test_bad_coefficients_are_refused_as_keras_does(ours, theirs, name, bad):
    with pytest.raises(Exception) as expected:  # noqa: PT011
        theirs(**{name: bad})
    with pytest.raises(type(expected.value)) as raised:
        ours(**{name: bad})
    assert str(raised.value) == str(expected.value)


def test_coefficients_that_are_tensors_are_refused():
    with pytest.raises(ValueError, match="expected a non-negative float"):
        L2(keras.ops.convert_to_tensor(0.1))


def test_tensors_that_cannot_be_regularized():
    for dtype in ("int32", "bool", "complex64"):
        try:
            x = keras.ops.convert_to_tensor(numpy.ones(3, dtype), dtype)
        except ValueError:  # an older Keras has no complex tensors
            continue
        with pytest.raises(TypeError, match="float"):
            L2(0.1)(x)


def test_tensors_that_are_sparse():
    if BACKEND == "tensorflow":
        import tensorflow as tf

        x = tf.sparse.from_dense([0.0, 1.0])
    elif BACKEND == "jax":
        from jax.experimental import sparse

        x = sparse.BCOO.fromdense(numpy.array([0.0, 1.0], "f4"))
    else:
        import torch

        x = torch.tensor([0.0, 1.0]).to_sparse()
    for regularizer in (L1(0.1), L2(0.1), L1L2(0.1, 0.1)):
        with pytest.raises(TypeError):
            regularizer(x)


def test_use_and_restore_replace_every_regularizer_once():
    shared = keras.regularizers.L2(0.01)
    inner = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3)])
    inner.layers[0].kernel_regularizer = shared
    inner.layers[0].kernel.regularizer = shared
    inputs = keras.Input((5, 4))
    x = inner(inputs)
    x = keras.layers.Bidirectional(
        keras.layers.LSTM(3, recurrent_regularizer=keras.regularizers.L1(0.02))
    )(x)
    x = keras.layers.Dense(
        2,
        kernel_regularizer=shared,
        bias_regularizer=keras.regularizers.OrthogonalRegularizer(),
        activity_regularizer=keras.regularizers.L1L2(0.01, 0.02),
    )(x)
    model = keras.Model(inputs, x)
    model(numpy.ones((2, 5, 4), "f4"))
    dense = model.layers[-1]
    dense.bias.regularizer = dense.bias_regularizer = None
    expected = [float(loss) for loss in model.losses]
    count = use(model)
    assert count == 4  # shared, those of the two directions, activity
    assert use(model) == 0
    assert dense.kernel_regularizer is dense.kernel.regularizer
    assert dense.kernel_regularizer is inner.layers[0].kernel_regularizer
    assert type(dense.kernel_regularizer) is L2
    assert type(dense.activity_regularizer) is L1L2
    for variable in model.variables:
        assert variable.regularizer is None or isinstance(
            variable.regularizer, (L1, L2, L1L2)
        )
    numpy.testing.assert_allclose(
        [float(loss) for loss in model.losses], expected, rtol=1e-6
    )
    assert "l1l2>L2" in model.to_json()
    assert restore(model) == count
    assert type(dense.kernel_regularizer) is keras.regularizers.L2
    assert "l1l2>" not in model.to_json()


def test_a_model_that_was_trained_goes_on_with_the_other_regularizers(monkeypatch):
    """The functions that Keras has compiled are made anew."""
    model = keras_model()
    losses_of_fit(model, 1)
    x, y = images(32)
    calls = []
    monkeypatch.setattr(
        "l1l2.keras._compute",
        lambda x, l1, l2, compute=l1l2.keras._compute: calls.append(x)
        or compute(x, l1, l2),
    )
    functions = (
        lambda: model.fit(x, y, 32, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.predict(x, verbose=0),
    )
    for function in functions:
        function()
    use(model)
    for function in functions:
        calls.clear()
        function()
        assert calls
    calls.clear()
    restore(model)
    for function in functions:
        function()
    assert not calls


def test_use_and_restore_leave_other_classes_alone():
    class OfKeras(keras.regularizers.L2):
        pass

    class OfOurs(L2):
        pass

    others = OfKeras(0.1), OfOurs(0.1), keras.regularizers.OrthogonalRegularizer()
    layer = keras.layers.LSTM(
        2,
        kernel_regularizer=others[0],
        bias_regularizer=others[1],
        recurrent_regularizer=others[2],
    )
    layer(numpy.ones((2, 5, 4), "f4"))
    assert use(layer) == restore(layer) == 0
    cell = layer.cell
    assert cell.kernel_regularizer is others[0] is cell.kernel.regularizer
    assert cell.bias_regularizer is others[1]
    assert cell.recurrent_regularizer is others[2]


def test_a_string_means_the_class_of_keras():
    assert type(keras.regularizers.get("l2")) is keras.regularizers.L2


def test_a_changed_coefficient_has_an_effect_once_compiled_again():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, kernel_regularizer=L2(0.5))]
    )
    x = numpy.zeros((2, 4), "f4")
    total = numpy.square(model.layers[0].kernel.numpy(), dtype="f8").sum()
    for l2 in (0.5, 2.0):
        model.layers[0].kernel_regularizer.l2 = l2
        model.compile(loss="mse")
        loss = model.evaluate(x, x[:, :3], verbose=0)
        assert loss == pytest.approx(l2 * total, rel=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="others export by TensorFlow")
def test_an_exported_graph_has_none_of_our_ops_after_restore(tmp_path):
    model = small_model()
    for has_ours in (True, False):
        if not has_ours:
            restore(model)
        model.export(tmp_path / str(has_ours), verbose=False)
        graph = (tmp_path / str(has_ours) / "saved_model.pb").read_bytes()
        assert (b"L1l2Penalty" in graph) is has_ours


def test_a_training_loop_of_ones_own():
    """Steps by the gradient of the penalty alone: the formula says where they go."""
    layer = keras.layers.Dense(3, use_bias=False, kernel_regularizer=L1L2(0.1, 0.25))
    layer.build((4,))
    start = WEIGHTS[:4, :3].astype("f4")
    layer.kernel.assign(start)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = sum(layer.losses)
            return tape.gradient(loss, layer.kernel.value)

        gradient = step()
    elif BACKEND == "jax":
        import jax

        @jax.jit
        def loss(kernel):
            with keras.StatelessScope([(layer.kernel, kernel)]):
                return sum(layer.losses)

        gradient = jax.grad(loss)(layer.kernel.value)
    else:
        sum(layer.losses).backward()
        gradient = layer.kernel.value.grad
    expected = 0.1 * numpy.sign(start) + 0.5 * start
    numpy.testing.assert_allclose(
        keras.ops.convert_to_numpy(gradient), expected, rtol=1e-6
    )


def test_jit_in_an_old_tensorflow_is_refused_by_name():
    if BACKEND != "tensorflow" or has_xla_for_tensorflow():
        pytest.skip("the backend compiles")
    import tensorflow

    with pytest.raises(tensorflow.errors.UnimplementedError, match="jit_compile=False"):
        losses_of_fit(small_model(), 1, jit_compile=True)


def test_another_backend_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ImportError, match="KERAS_BACKEND to tensorflow, jax or torch"):
        l1l2.keras._penalty_of_backend()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("None", r"needs Keras 3 \(.*\): pip install 'l1l2\[keras\]'"),
        (
            "types.SimpleNamespace(__version__='2.15.0')",
            r"needs Keras 3, not 2\.15\.0: pip install 'l1l2\[keras\]'",
        ),
    ],
)
def test_without_keras_3(module, message):
    program = (
        f"import sys, types; sys.modules['keras'] = {module};"
        "import l1l2; l1l2.Regularizer(0.1);"
        "import l1l2.keras"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert out.returncode == 1
    assert re.search(f"\nImportError: l1l2.keras {message}\n$", out.stderr)


def test_the_lines_of_the_documentation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = pathlib.Path(__file__).resolve().parents[4] / "docs/frameworks.md"
    section = page.read_text().split("\n## Keras\n")[1].split("\n## ")[0]
    (lines,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    exec(lines, {})
    assert capsys.readouterr().out == "<class 'l1l2.keras.L1L2'> True\n"
