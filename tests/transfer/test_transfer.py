"""Transfer learning: linear classifiers on features, new heads, fine-tuning."""

import functools
import time

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

import keras_cnn
from keras_cnn import InputError, Predictor, Recipe, card, models
from keras_cnn.cli import main
from keras_cnn.images import files, scaled_generator
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.report import scores
from keras_cnn.splits import ClassificationSplits, classification_splits
from keras_cnn.training import run as training
from keras_cnn.transfer import (
    CLASSIFIERS,
    Base,
    feature_cache,
    fit_codes,
    fit_features,
    fit_head,
    linear,
    thaw,
)

layers = keras.layers


def body(*, input_shape):
    """Convolutions with batch normalisation, which fine-tuning must not touch."""
    image = keras.Input(input_shape)
    x = image
    for number, filters in enumerate((8, 16), start=1):
        x = layers.Conv2D(filters, 3, strides=2, use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    return keras.Model(image, x, name="body")


@pytest.fixture
def base():
    """A base whose every build has the same weights, statistics of normalisation included."""
    rng = np.random.default_rng(0)
    values = [
        rng.normal(0, 1, w.shape) if w.ndim == 4 else rng.uniform(0.1, 0.9, w.shape)
        for w in body(input_shape=(24, 24, 3)).weights
    ]

    def build(*, input_shape):
        model = body(input_shape=input_shape)
        model.set_weights(values)
        return model

    return Base(build, Scaling(rescale=1 / 255))


@pytest.fixture(autouse=True)
def without_figures(request, monkeypatch):
    """Replace the report, which has its own tests and takes longer than the code tested here."""

    def scored(splits, folder, *, answers, history, samples, facts):
        test = scores.classification(splits.targets["test"], answers, splits.class_names)
        return facts | {"task": "classification", "sentence": "", "notes": [], "test": test}

    if "slow" not in request.keywords:
        monkeypatch.setattr(ClassificationSplits, "report", scored)


def _recipe(folder, out, **choices):
    defaults = {"image_size": 24, "epochs": 2, "learning_rate": 0.05, "batch_size": 8}
    return Recipe(name="case", dataset="stripes", data=folder, out=out, **defaults | choices)


def _saved(out, names):
    model = card.load_model(out / "model.keras")
    return {name: model.get_layer(name).get_weights() for name in names}


def _same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


NAMES = ("conv1", "bn1", "conv2", "bn2")


def test_training_a_head_changes_no_bit_of_the_base(base, stripes, tmp_path):
    before = {n: base.build(input_shape=(24, 24, 3)).get_layer(n).get_weights() for n in NAMES}
    result = fit_head(base, _recipe(stripes, tmp_path), augmentation={"horizontal_flip": True})
    after = _saved(tmp_path, NAMES)
    assert all(_same(before[name], after[name]) for name in NAMES)
    assert {"accuracy", "baseline"} <= set(result["test"])


def test_fine_tuning_starts_at_the_named_layer_and_skips_batch_normalisation(
    base, stripes, tmp_path, monkeypatch
):
    # The last weights: six validation pictures may find those before fine-tuning the best.
    monkeypatch.setattr(training.Checkpoint, "load_best", lambda self, model: None)
    before = {n: base.build(input_shape=(24, 24, 3)).get_layer(n).get_weights() for n in NAMES}
    fit_head(base, _recipe(stripes, tmp_path), fine_tune=True, from_layer="conv2")
    after = _saved(tmp_path, NAMES)
    changed = [name for name in NAMES if not _same(before[name], after[name])]
    assert changed == ["conv2"]


def test_thawing_reaches_into_nested_models():
    inner = body(input_shape=(24, 24, 3))
    image = keras.Input((24, 24, 3))
    outer = keras.Model(image, layers.GlobalMaxPooling2D()(inner(image)))
    outer.trainable = False
    thaw(outer)
    assert [w.path.split("/")[-2] for w in outer.trainable_weights] == ["conv1", "conv2"]


def test_an_unknown_layer_is_refused_before_the_training(base, stripes, tmp_path):
    with pytest.raises(InputError, match="no layer 'conv9'.*close names are conv"):
        fit_head(base, _recipe(stripes, tmp_path), fine_tune=True, from_layer="conv9")


def test_pixels_are_scaled_once_as_the_weights_need(base, stripes, tmp_path):
    with pytest.raises(InputError, match="rescale would scale them once more"):
        fit_head(base, _recipe(stripes, tmp_path), augmentation={"rescale": 1 / 255})
    fit_features(base, _recipe(stripes, tmp_path))
    assert card.read(tmp_path / "model.keras").preparation["scaling"]["rescale"] == 1 / 255


def test_published_weights_bring_their_scaling():
    assert Base.of(models.VGG16).scaling == Scaling("caffe")
    assert Base.of(models.InceptionV3, weights=None).scaling == Scaling("tf")
    with pytest.raises(ValueError, match="no weights are published"):
        Base.of(models.LeNet5)


def _keras_mobilenet(**options):
    return keras.applications.MobileNet(alpha=0.25, **options)


@pytest.mark.parametrize(
    "builder",
    [
        functools.partial(models.MobileNet, alpha=0.25),
        functools.partial(functools.partial(models.MobileNet, alpha=0.5), alpha=0.25),
        lambda **options: models.MobileNet(alpha=0.25, **options),
        _keras_mobilenet,
        keras.applications.MobileNet,
    ],
    ids=["partial", "partial of a partial", "lambda", "def of Keras' own", "Keras' own"],
)
def test_a_function_around_a_builder_has_the_scaling_of_its_network(builder):
    base = Base.of(builder, weights=None)
    assert base.scaling == Scaling("tf")
    assert base.build(input_shape=(64, 64, 3)).input_shape == (None, 64, 64, 3)


def test_a_network_whose_scaling_is_unknown_takes_it_as_an_argument():
    rule = Scaling(rescale=1 / 255)
    assert Base.of(models.LeNet5, weights=None, scaling=rule).scaling == rule
    assert Base.of(models.VGG16, weights=None, scaling=rule).scaling == rule
    with pytest.raises(ValueError, match="scaling of its pictures is unknown: give scaling="):
        Base.of(keras.applications.EfficientNetB0, weights=None)


@pytest.mark.parametrize("name", ["VGG16", "VGG19", "ResNet18", "InceptionV1"])
def test_the_scaling_is_that_of_the_file_not_of_the_builder(name, tmp_path):
    published = Base.of(getattr(models, name), weights=None).scaling.mode
    for ending, mode in {
        "h5": published,
        "pth": "tf" if name == "InceptionV1" else "torch",
    }.items():
        path = tmp_path / f"a.{ending}"
        path.touch()
        for builder in (getattr(models, name), functools.partial(getattr(models, name))):
            assert Base.of(builder, weights=path).scaling == Scaling(mode)


def test_a_missing_file_of_weights_is_refused_at_once():
    with pytest.raises(InputError, match="there is no file /nowhere/x.h5"):
        Base.of(models.VGG16, weights="/nowhere/x.h5")
    with pytest.raises(ValueError, match="weights must be None, 'imagenet' or the path"):
        Base.of(models.VGG16, weights="imagnet")


@pytest.mark.parametrize("fit", [fit_head, fit_features])
def test_a_file_of_other_weights_is_refused_before_the_pictures_are_read(
    fit, stripes, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    models.ResNet18(include_top=False).save_weights(tmp_path / "other.weights.h5")
    base = Base.of(models.MobileNet, weights=tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="other.weights.h5 does not fit mobilenet"):
        fit(base, _recipe(stripes, tmp_path / "out", image_size=32))


def test_fit_codes_is_the_old_name_of_fit_features_and_warns(base, stripes, tmp_path):
    with pytest.warns(FutureWarning, match="transfer.fit_codes is now transfer.fit_features"):
        with pytest.raises(InputError, match="received 'tree'"):
            fit_codes(base, _recipe(stripes, tmp_path), classifier="tree")


def test_weights_of_a_run_bring_the_scaling_of_its_card(tmp_path):
    path = tmp_path / "model.keras"
    network = models.ResNet18(input_shape=(32, 32, 3), classes=3)
    network.save(path)
    assert Base.of(models.ResNet18, weights=path).scaling == Scaling("torch")
    rule = Preparation(size=(32, 32), scaling=Scaling(rescale=0.5))
    fields = {"class_names": ("a", "b", "c"), "preparation": rule.to_dict()}
    card.write(path, card.Card(task="classification", **fields))
    base = Base.of(models.ResNet18, weights=path)
    assert base.scaling == Scaling(rescale=0.5)
    kernel = base.build(input_shape=(40, 40, 3)).get_layer("conv1_conv").kernel
    np.testing.assert_array_equal(kernel, network.get_layer("conv1_conv").kernel)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_saved_model_answers_as_the_classifier_on_the_features(
    base, stripes, tmp_path, classifier
):
    recipe = _recipe(stripes, tmp_path / "out", epochs=20)
    result = fit_features(base, recipe, classifier=classifier)
    assert result["test"]["accuracy"] >= 0.9
    predictor = Predictor.load(tmp_path / "out")
    assert predictor.evaluate(stripes)["test"]["accuracy"] == result["test"]["accuracy"]
    assert (tmp_path / "codes.sqlite").exists()


@pytest.mark.parametrize("random", [False, True])
def test_a_linear_probe_starts_where_logistic_regression_ends(base, stripes, tmp_path, random):
    base = Base(body, base.scaling) if random else base
    fit_features(base, _recipe(stripes, tmp_path / "codes"), classifier="logistic")
    still = _recipe(stripes, tmp_path / "head", epochs=1, learning_rate=1e-12, runs=2)
    assert fit_head(base, still, linear_probe=True, fine_tune=True)["linear_probe"]["seconds"] > 0
    paths = [str(path) for path in sorted((stripes / "test").rglob("*.png"))]
    expected, *untrained = (
        [answer.scores for answer in Predictor.load(tmp_path / run)(paths)]
        for run in ("codes", "head/run_1", "head/run_2")
    )
    assert len(expected) == 16
    np.testing.assert_allclose(untrained, [expected] * 2, atol=1e-4)


def test_three_classes_can_be_learned_too(base, stripes, tmp_path):
    for split in ("train", "test"):
        (stripes / split / "plain").mkdir()
        for number, path in enumerate(sorted((stripes / split / "lying").iterdir())):
            blank = Image.new("L", (24, 24), 100 + number)
            blank.save(stripes / split / "plain" / path.name)
    for classifier in ("logistic", "svm"):
        result = fit_features(base, _recipe(stripes, tmp_path), classifier=classifier)
        assert result["test"]["accuracy"] >= 0.9


@pytest.mark.parametrize(("classifier", "least"), [("logistic", 0.9), ("svm", 0.3)])
def test_of_penalties_with_the_same_accuracy_the_one_with_the_lowest_loss_is_taken(
    stripes, tmp_path, classifier, least
):
    """The strongest penalty is as often right, but calls every picture 0.500."""
    easy = Base(_spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    result = fit_features(easy, _recipe(stripes, tmp_path / "out"), classifier=classifier)
    assert result["test"]["accuracy"] == 1
    answers = Predictor.load(tmp_path / "out")([str(path) for path in _pictures(stripes)])
    assert min(answer.value for answer in answers) > least


def _spread_of_rows_and_columns(*, input_shape):
    """A base whose two features distinguish lying from upright stripes."""
    image = keras.Input(input_shape)
    rows = keras.ops.std(keras.ops.mean(image, axis=(2, 3)), axis=1, keepdims=True)
    columns = keras.ops.std(keras.ops.mean(image, axis=(1, 3)), axis=1, keepdims=True)
    return keras.Model(image, keras.ops.concatenate([rows, columns], axis=1), name="spread")


def test_an_unknown_classifier_is_refused(base, stripes, tmp_path):
    with pytest.raises(InputError, match="must be one of.*received 'tree'"):
        fit_features(base, _recipe(stripes, tmp_path), classifier="tree")


@pytest.mark.parametrize(
    "choice",
    [
        {"augment": "flip"},
        {"class_weights": "balanced"},
        {"weight_decay": 0.1},
        {"runs": 3},
        {"mix": "mixup"},
        {"test_crops": 5},
    ],
)
def test_options_that_a_linear_classifier_would_ignore_are_refused(base, stripes, tmp_path, choice):
    option = next(iter(choice)).replace("_", "-")
    with pytest.raises(InputError, match=f"leave out --{option} or --codes"):
        fit_features(base, _recipe(stripes, tmp_path, **choice))


def test_where_only_the_run_s_folder_can_be_written_the_features_lie_in_it(
    base, stripes, tmp_path, monkeypatch
):
    out = tmp_path / "only" / "out"
    monkeypatch.setattr(linear.os, "access", lambda path, mode: path != out.parent)
    fit_features(base, _recipe(stripes, out))
    assert (out / "codes.sqlite").is_file() and not (out.parent / "codes.sqlite").exists()


@pytest.mark.parametrize("fit", [fit_features, functools.partial(fit_head, linear_probe=True)])
def test_features_can_be_stored_in_another_file(base, stripes, tmp_path, fit):
    fit(base, _recipe(stripes, tmp_path / "out", epochs=1), cache=tmp_path / "mine" / "a.sqlite")
    assert (tmp_path / "mine" / "a.sqlite").is_file()
    assert not (tmp_path / "codes.sqlite").exists()


def test_the_option_codes_cache_names_the_file_of_features(stripes, tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(keras_cnn.transfer, "fit_features", lambda *_, **o: calls.append(o) or {})
    models.MobileNet(include_top=False, alpha=0.25).save_weights(tmp_path / "a.weights.h5")
    command = ["train", str(stripes), "--model", "mobilenet", "--weights"]
    command += [str(tmp_path / "a.weights.h5"), "--codes-cache", str(tmp_path / "b.sqlite")]
    assert main(command) == 2
    assert "--codes-cache stores the features of --codes: add" in capsys.readouterr().err
    assert main([*command, "--codes", "svm"]) == 0
    assert calls == [{"classifier": "svm", "cache": str(tmp_path / "b.sqlite")}]


def _pictures(stripes):
    return sorted((stripes / "test").rglob("*.png"))


RULE = Preparation(size=(24, 24), scaling=Scaling(rescale=1 / 255))


def _vectors(base):
    model = base.build(input_shape=(24, 24, 3))
    return keras.Model(model.input, layers.GlobalAveragePooling2D()(model.output))


def _count(monkeypatch):
    read = []
    of_class = Preparation.read
    monkeypatch.setattr(
        Preparation, "read", lambda self, path: (read.append(path), of_class(self, path))[1]
    )
    return read


def test_features_of_a_moved_picture_come_from_the_cache(base, stripes, tmp_path, monkeypatch):
    read = _count(monkeypatch)
    paths, cache = _pictures(stripes), tmp_path / "codes.sqlite"
    first = feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    np.testing.assert_array_equal(feature_cache.compute(_vectors(base), RULE, paths), first)
    read.clear()
    moved = [path.rename(path.with_name(f"moved_{path.name}")) for path in paths]
    again = feature_cache.compute(_vectors(base), RULE, [*moved, moved[0]], cache=cache)
    assert not read
    np.testing.assert_array_equal(again, [*first, first[0]])


def test_features_are_computed_again_after_a_change_of_picture_weights_or_scaling(
    base, stripes, tmp_path, monkeypatch
):
    read = _count(monkeypatch)
    paths, cache = _pictures(stripes), tmp_path / "codes.sqlite"
    feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    read.clear()
    Image.new("RGB", (24, 24)).save(paths[3])
    feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    assert read == [str(paths[3])]
    model = _vectors(base)
    model.get_layer("bn2").moving_mean.assign_add([1e-6] * 16)
    feature_cache.compute(model, RULE, paths, cache=cache)
    assert len(read) == 1 + len(paths)
    other = Preparation(size=(24, 24), scaling=Scaling("tf"))
    feature_cache.compute(model, other, paths, cache=cache)
    assert len(read) == 1 + 2 * len(paths)


def test_a_file_that_is_no_cache_is_refused(base, stripes, tmp_path):
    (tmp_path / "codes.sqlite").write_bytes(b"no table " * 200)
    with pytest.raises(InputError, match="cannot be used.*delete it"):
        feature_cache.compute(
            _vectors(base), RULE, _pictures(stripes), cache=tmp_path / "codes.sqlite"
        )


def test_a_run_serves_as_a_base(base, stripes, tmp_path):
    fit_features(base, _recipe(stripes, tmp_path / "first"))
    again = Base.of_run(tmp_path / "first")
    assert again.scaling == base.scaling
    result = fit_features(again, _recipe(stripes, tmp_path / "second"))
    assert result["test"]["accuracy"] >= 0.9
    with pytest.raises(InputError, match="must have the size.*set --image-size"):
        again.build(input_shape=(20, 20, 3))


# The drawn task: polygons of random position, size and rotation on noise.


def _polygon(rng, corners, depth, size=32):
    """Return a star with notches of relative depth `depth`; 0 gives a regular polygon."""
    angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) + rng.uniform(0, 7)
    radius = np.where(np.arange(2 * corners) % 2, (1 - depth) * np.cos(np.pi / corners), 1)
    radius = radius * rng.uniform(8, 11)
    centre = rng.uniform(12, size - 12, 2)
    points = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    picture = rng.integers(0, 120, (size, size, 3)).astype(np.uint8)
    colour = tuple(int(value) for value in rng.integers(140, 256, 3))
    cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], colour, shift=4)
    return picture


def _draw(folder, classes, *, train, test):
    rng = np.random.default_rng(1)
    for split, number in {"train": train, "test": test}.items():
        for corners, depth in classes:
            class_folder = folder / split / f"{corners} corners, {depth}"
            class_folder.mkdir(parents=True)
            for index in range(number):
                Image.fromarray(_polygon(rng, corners, depth)).save(class_folder / f"{index}.png")


def _deep(*, input_shape, classes):
    image = keras.Input(input_shape)
    x = image
    for filters in (16, 32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(x))


class _Until(keras.callbacks.Callback):
    """Stop the training at an accuracy on the test pictures, or after a time."""

    def __init__(self, x, y, *, accuracy, seconds):
        super().__init__()
        self.x, self.y, self.accuracy, self.seconds = x, y, accuracy, seconds
        self.tested = 0.0  # seconds of testing, which do not count as training

    def on_train_begin(self, logs=None):
        self.begun = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        now = time.process_time()
        right = self.model.predict_on_batch(self.x).argmax(axis=1) == self.y.argmax(axis=1)
        self.took, self.reached = now - self.begun - self.tested, right.mean()
        self.tested += time.process_time() - now
        self.model.stop_training = self.took > self.seconds or self.reached >= self.accuracy


@pytest.mark.slow
def test_features_reach_an_accuracy_ten_times_faster_than_training_from_scratch(tmp_path, capsys):
    _draw(tmp_path / "related", [(n, d) for n in (3, 5, 7) for d in (0, 0.5)], train=120, test=20)
    _draw(tmp_path / "task", [(4, 0), (4, 0.5), (6, 0), (6, 0.5)], train=40, test=100)
    choices = {"image_size": 32, "learning_rate": 3e-3, "schedule": "cosine"}
    related = Recipe(
        name="a", dataset="a", data=tmp_path / "related", out=tmp_path / "a", epochs=10, **choices
    )
    generator = scaled_generator(Scaling(rescale=1 / 255))
    training.run(_deep, classification_splits(related, generator), related)
    base = Base.of_run(tmp_path / "a")
    task = Recipe(name="b", dataset="b", data=tmp_path / "task", out=tmp_path / "b", **choices)
    base.build(input_shape=(32, 32, 3)).predict(np.zeros((32, 32, 32, 3)), verbose=0)
    begun = time.process_time()
    result = fit_features(base, task)
    seconds = result["seconds"]["train"]
    cpu = time.process_time() - begun
    accuracy = result["test"]["accuracy"]
    splits = classification_splits(task, generator)
    batches = [splits.test[index] for index in range(len(splits.test))]
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    scratch = _deep(input_shape=(32, 32, 3), classes=4)
    scratch.compile("adam", loss="categorical_crossentropy")
    watch = _Until(x, y, accuracy=accuracy, seconds=10 * cpu)
    scratch.fit(splits.train, epochs=1000, callbacks=[watch], verbose=0)
    with capsys.disabled():
        print(
            f"\ncodes {accuracy:.3f} in {seconds:.1f} s ({cpu:.1f} s of the processor); "
            f"from scratch {watch.reached:.3f} after {watch.took:.1f} s of the processor"
        )
    assert accuracy > 0.6 and watch.took >= 10 * cpu
