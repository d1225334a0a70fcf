"""Variants of networks: tables of the papers, and any number of blocks."""

import keras
import numpy as np
import pytest

from keras_cnn import models

layers = keras.layers


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_inception_v2_has_the_rows_of_table_1():
    model = models.InceptionV2()
    kinds = (layers.Conv2D, keras.layers.MaxPooling2D)
    stem = [layer for layer in model.layers if isinstance(layer, kinds)][:7]
    modules = [layer for layer in model.layers if isinstance(layer, layers.Concatenate)]
    modules = [layer for layer in modules if layer.name.startswith(("figure", "reduction"))]
    sizes = [layer.output.shape[1:] for layer in [*stem, *modules]]
    assert sizes == [
        *[(149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 64)],
        *[(71, 71, 80), (35, 35, 192), (35, 35, 288)],
        *[(35, 35, 288)] * 3,
        *[(17, 17, 768)] * (1 + 5),
        *[(8, 8, 1280), (8, 8, 2048), (8, 8, 2048)],
    ]
    kernels_of_modules = {"figure5": {(1, 1), (3, 3)}, "figure6": {(1, 1), (1, 7), (7, 1)}}
    kernels_of_modules["figure7"] = {(1, 1), (3, 3), (1, 3), (3, 1)}
    module, found = "stem", {}
    for layer in reversed(model.layers):
        if layer in modules:
            module = layer.name.split("_")[0]
        if isinstance(layer, layers.Conv2D):
            found.setdefault(module, set()).add(layer.kernel_size)
    assert {name: found[name] for name in kernels_of_modules} == kernels_of_modules
    convolutions = sum(isinstance(layer, layers.Conv2D) for layer in model.layers)
    normalised = sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    assert convolutions == normalised and model.count_params() == 26_424_648


def test_all_six_columns_of_vggs_table_1_exist():
    columns = {"A": "VGG11", "A-LRN": "VGG11LRN", "B": "VGG13", "C": "VGG16C"} | {
        "D": "VGG16",
        "E": "VGG19",
    }
    layers_with_weights = {"A": 11, "A-LRN": 11, "B": 13, "C": 16, "D": 16, "E": 19}
    of_stages, kernels_of = {}, {}
    for column, name in columns.items():
        model = getattr(models, name)(include_top=False)
        convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        assert len(convolutions) + 3 == layers_with_weights[column]
        of_stages[column] = [layer.name for layer in model.layers]
        kernels_of[column] = [layer.name for layer in convolutions if layer.kernel_size == (1, 1)]
    assert of_stages["A-LRN"][1:4] == ["block1_conv1", "block1_norm", "block1_pool"]
    assert set(of_stages["A-LRN"]) - set(of_stages["A"]) <= {"block1_norm", of_stages["A-LRN"][0]}
    assert kernels_of.pop("C") == ["block3_conv3", "block4_conv3", "block5_conv3"]
    assert not any(kernels_of.values())


def test_vgg_c_has_the_134_million_parameters_of_table_2():
    parameters = models.VGG16C().count_params()
    assert parameters == 138_357_544 - 8 * (256**2 + 2 * 512**2) and round(parameters / 1e6) == 134


def test_a_densenet_of_any_block_counts_is_that_of_keras():
    counts, shape = (1, 2, 1, 1), (32, 32, 3)
    peer = keras.src.applications.densenet.DenseNet(
        blocks=counts, weights=None, input_shape=shape, classes=5
    )
    model = models.DenseNet121(block_counts=counts, input_shape=shape, classes=5)
    assert [w.shape for w in model.weights] == [w.shape for w in peer.weights]
    rng = np.random.default_rng(0)
    peer.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in peer.weights])
    model.set_weights(peer.get_weights())
    x = rng.random((2, *shape), "float32")
    logits = [keras.Model(m.input, m.layers[-2].output)(x) for m in (model, peer)]
    np.testing.assert_allclose(*map(values, logits), rtol=1e-5)
    widths = models.DenseNet121(block_counts=counts, include_top=False, reduction=0.25)
    assert widths.get_layer("pool2_conv").filters == (64 + 32) // 4
    with pytest.raises(ValueError, match=r"at most 1.*received reduction=0"):
        models.DenseNet121(reduction=0)


def test_a_resnet_of_any_block_counts_is_that_of_keras():
    counts, shape = (1, 2), (32, 32, 3)
    resnet = keras.src.applications.resnet

    def stages(x):
        for number, (filters, count) in enumerate(zip((64, 128), counts, strict=True)):
            x = resnet.stack_residual_blocks_v1(
                x, filters, count, stride1=1 + number, name=f"conv{number + 2}"
            )
        return x

    peer = resnet.ResNet(
        stages,
        preact=False,
        use_bias=True,
        weights=None,
        weights_name="",
        input_shape=shape,
        classes=5,
        name="peer",
    )
    model = models.ResNet50(block_counts=counts, input_shape=shape, classes=5)
    assert [w.shape for w in model.weights] == [w.shape for w in peer.weights]
    rng = np.random.default_rng(0)
    peer.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in peer.weights])
    model.set_weights(peer.get_weights())
    x = rng.random((2, *shape), "float32")
    logits = [keras.Model(m.input, m.layers[-2].output)(x) for m in (model, peer)]
    np.testing.assert_allclose(*map(values, logits), rtol=1e-5)


def test_a_resnet_has_any_number_of_stages():
    model = models.ResNet18(block_counts=[3, 1, 1, 1, 1], include_top=False)
    assert model.output_shape[-1] == 1024
    with pytest.raises(ValueError, match=r"above 0.*received block_counts=\(2, 0\)"):
        models.ResNet18(block_counts=(2, 0))
    with pytest.raises(ValueError, match=r"block_counts=\(2, 2, 2, 2\); received \(2, 2\)"):
        models.ResNet18(block_counts=(2, 2), weights="imagenet")


def test_drop_path_drops_whole_branches_of_pictures_and_keeps_the_expected_value():
    keras.utils.set_random_seed(0)
    model = models.ResNet18(block_counts=(1, 1), include_top=False, drop_path=0.5)
    drops = [layer for layer in model.layers if layer.name.endswith("drop_path")]
    assert [layer.rate for layer in drops] == [0.25, 0.5]  # linear in the number of the block
    x = np.random.default_rng(0).random((4000, 2, 2, 3), "float32")
    y = values(drops[1](x, training=True))
    kept = (y != 0).all(axis=(1, 2, 3))
    assert (kept | (y == 0).all(axis=(1, 2, 3))).all()
    np.testing.assert_allclose(y[kept], 2 * x[kept], rtol=1e-6)
    assert y.mean() == pytest.approx(x.mean(), rel=0.05)
    np.testing.assert_array_equal(values(drops[1](x, training=False)), x)
    plain = models.ResNet18(block_counts=(1, 1), include_top=False)
    plain.set_weights(model.get_weights())
    picture = np.random.default_rng(1).random((1, 32, 32, 3), "float32")
    np.testing.assert_allclose(values(model(picture)), values(plain(picture)), rtol=1e-5)
    with pytest.raises(ValueError, match="received drop_path=1"):
        models.ResNet18(drop_path=1)
