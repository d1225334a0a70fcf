"""Old scripts' code that draws from `np.random` is reproducible and keeps two flows in step."""

import threading

import numpy as np
import pytest
from grey_pictures import SMALL
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy

from keras_cnn import ImageDataGenerator
from keras_cnn.images.legacy import draws

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
FLOW = {**SMALL, "class_mode": None, "shuffle": False}


def _with_noise(x):
    return x + np.random.uniform(0, 1, x.shape[:2])[..., np.newaxis]


class _Noisy(ImageDataGenerator):
    def standardize(self, x):
        return super().standardize(x) + np.random.rand()


class _Lighter(ImageDataGenerator):
    def apply_transform(self, x, transform_parameters):
        return super().apply_transform(x, transform_parameters) + np.random.randint(100)


GENERATORS = {
    "preprocessing_function": lambda **how: ImageDataGenerator(
        preprocessing_function=_with_noise, **how
    ),
    "standardize": _Noisy,
    "apply_transform": _Lighter,
}


def _batches(generator, folder, *, seed, number=7):
    flow = generator.flow_from_directory(folder, **FLOW, seed=seed)
    return [next(flow) for _ in range(number)]


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_decides_the_draws_of_user_code_on_any_number_of_threads(marks, name):
    runs = []
    for workers, prefetch in ((1, 0), (4, 3), (4, 3)):
        generator = GENERATORS[name](rotation_range=90, workers=workers, prefetch=prefetch)
        runs.append(np.concatenate(_batches(generator, marks, seed=5)))
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])
    other = np.concatenate(_batches(GENERATORS[name](rotation_range=90), marks, seed=6))
    assert not np.array_equal(runs[0], other)


def test_every_picture_of_every_batch_gets_draws_of_its_own(marks):
    batches = _batches(ImageDataGenerator(preprocessing_function=_with_noise), marks, seed=5)
    noise = [picture - np.floor(picture) for batch in batches for picture in batch]
    assert len({picture.tobytes() for picture in noise}) == len(noise) == 28


def test_pictures_and_masks_of_one_seed_get_the_same_draws(marks):
    pictures = ImageDataGenerator(
        preprocessing_function=_with_noise, rotation_range=20, brightness_range=(1, 1)
    ).flow_from_directory(marks, **FLOW, seed=3)
    masks = ImageDataGenerator(preprocessing_function=_with_noise).flow_from_directory(
        marks, **FLOW, seed=3
    )
    for _ in range(7):
        np.testing.assert_allclose(next(pictures) % 1, next(masks) % 1, atol=1e-4)


class _Zoomed:
    """What a subclass of old scripts does: its own draws beside those of the class."""

    def get_random_transform(self, img_shape):
        params = super().get_random_transform(img_shape)
        params["zx"] = params["zy"] = np.random.uniform(0.5, 1)
        return params


class _Rotated:
    """The same, with the signature that has a seed."""

    def get_random_transform(self, img_shape, seed=None):
        params = super().get_random_transform(img_shape, seed)
        params["theta"] = np.random.choice([0, 90, 180, 270])
        return params


@pytest.mark.parametrize("mixin", [_Zoomed, _Rotated])
def test_an_overridden_get_random_transform_draws_what_it_draws_under_the_legacy_class(
    marks, mixin
):
    flows = []
    for kind in (Legacy, ImageDataGenerator):
        generator = type("Generator", (mixin, kind), {})(horizontal_flip=True, shear_range=9)
        flows.append(generator.flow_from_directory(marks, **FLOW | {"shuffle": True}, seed=4))
    theirs, ours = flows
    for _ in range(7):
        np.testing.assert_allclose(next(ours), next(theirs), atol=0.01)


def test_a_subclass_without_seed_serves_random_transform_and_fit_too(marks):
    generator = type("Generator", (_Zoomed, ImageDataGenerator), {})(featurewise_center=True)
    x = np.random.default_rng(0).random((4, 12, 12, 3), np.float32)
    assert generator.random_transform(x[0]).shape == (12, 12, 3)
    generator.fit(x, augment=True, seed=1)
    assert generator.mean.shape == (1, 1, 3)


@pytest.mark.parametrize("name", [*GENERATORS, "get_random_transform"])
def test_user_code_leaves_the_global_random_state_as_it_was(marks, name):
    drawing = type("Generator", (_Rotated, ImageDataGenerator), {})
    generator = (GENERATORS | {"get_random_transform": drawing})[name](prefetch=0)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    _batches(generator, marks, seed=2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_code_that_does_not_draw_runs_on_all_threads(marks):
    met, calls = threading.Barrier(3), []

    def wait(x):
        calls.append(x)
        if len(calls) > 6:  # whether it draws is known by now
            met.wait(timeout=20)
        return x

    generator = ImageDataGenerator(preprocessing_function=wait, workers=3, prefetch=0)
    flow = generator.flow_from_directory(marks, **FLOW | {"batch_size": 6})
    next(flow), next(flow)
    assert len(calls) == 12


def test_code_that_draws_for_some_pictures_only_warns_and_is_seeded_from_then_on(marks):
    def sometimes(x):
        return x + np.random.rand() if x.max() > 100 else x

    runs = []
    for _ in range(2):
        generator = ImageDataGenerator(preprocessing_function=sometimes, prefetch=0, workers=1)
        flow = generator.flow_from_directory(marks, **FLOW, seed=1)
        with pytest.warns(UserWarning, match="for some pictures only"):
            runs.append([next(flow) for _ in range(5)])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_functions_of_keras_and_numpy_count_as_code_that_does_not_draw():
    import functools

    import keras

    from keras_cnn import models
    from keras_cnn.images.preparation import Scaling

    vgg = functools.partial(models.preprocess_input, model=models.VGG16)
    for function in (
        None,
        np.negative,
        Scaling("tf"),
        vgg,
        keras.applications.vgg16.preprocess_input,
    ):
        assert not draws.has_user_code(ImageDataGenerator(preprocessing_function=function))
    assert draws.has_user_code(ImageDataGenerator(preprocessing_function=_with_noise))
    assert draws.has_user_code(_Noisy()) and draws.has_user_code(_Lighter())
