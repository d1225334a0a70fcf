"""Grad-CAM: a map of the regions in a picture that a network's answer depends on.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", 2017, section 3, https://arxiv.org/abs/1610.02391.
"""

import cv2
import keras
import numpy as np
from keras import layers, ops

from keras_cnn.explain import hooks
from keras_cnn.models import ssd
from keras_cnn.models.surgery import as_functional

_AFTER_FEATURES = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.AdaptiveAveragePooling2D,
    layers.AdaptiveMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.ZeroPadding2D,
)


def grad_cam(
    model: keras.Model,
    image: np.ndarray,
    *,
    class_index: int | None = None,
    layer: str | keras.Layer | None = None,
) -> np.ndarray:
    """Return a map of the regions in a picture that raise the score of a class.

    The feature maps of a layer are averaged, each weighted by the mean gradient of the class's
    score. The score is the logit: softmax or sigmoid at the model's end is left out. Negative
    values become zero. For SSD300 the score is the logit of the prior that gives the class the
    highest probability.

    Args:
        model: A classifier, a regression, or `models.SSD300`; its base may be nested in it.
        image: (height, width, channels), prepared as the network needs it.
        class_index: The class; by default the most likely class. For SSD300 the background is class
            0, and the default is the class of the most likely object.
        layer: Name, path or layer that has the feature maps; by default the last layer before
            pooling whose maps are larger than one cell. For SSD300 the default is the map of its
            base that the prior belongs to, or the last map of the base.

    Returns:
        float32 (height, width) of the picture, in [0, 1]; interpolated, with a maximum of 1. All 0
        where no region raises the score.

    Raises:
        ValueError: There is no such class or layer, the layer has no feature maps, or the model
            does not take one picture, has several outputs, or is neither functional nor Sequential.
    """
    model = as_functional(model, image_shape=np.shape(image), single_output=True)
    images = hooks.batch_of(model, image)
    candidates = _candidates(model) if layer is None else [hooks.find(model, layer)]
    with hooks.recorded(candidates) as outputs, hooks.without_softmax(model):
        logits = ops.convert_to_numpy(hooks.run(model, images))[0]
    score_index = _score_index(model, logits, class_index)
    is_first = len(candidates) == 1 or score_index[0] < _first_priors(model)
    chosen = candidates[0 if is_first else 1]
    maps = outputs[id(chosen)]
    if len(maps) != 1 or len(maps[0].shape) != 4:
        shapes = [tuple(output.shape) for output in maps]
        raise ValueError(
            "grad_cam needs a layer that runs once and returns (batch, rows, columns, channels); "
            f"{chosen.name} of {model.name} returned {shapes}: name a convolution by layer="
        )

    def score(feature_maps):
        with hooks.replaced(chosen, call=lambda *_, **__: feature_maps):
            return ops.cast(hooks.run(model, images)[(0, *score_index)], "float32")

    with hooks.without_softmax(model):
        gradient = _gradient(score, maps[0])
    features = ops.convert_to_numpy(ops.cast(maps[0], "float32"))[0]  # (rows, columns, channels)
    gradient = ops.convert_to_numpy(ops.cast(gradient, "float32"))[0]
    heat = np.maximum(features @ gradient.mean(axis=(0, 1)), 0)
    height, width = images.shape[1:3]
    heat = cv2.resize(heat, (int(width), int(height)), interpolation=cv2.INTER_LINEAR)
    highest = heat.max()
    return heat / highest if highest > 0 else heat


def overlay(image: np.ndarray, heat_map: np.ndarray, *, opacity: float = 0.6) -> np.ndarray:
    """Blend a heat map over its picture; opacity grows with the heat.

    Args:
        image: uint8 (height, width, 1 or 3), RGB or grey: the picture itself, not the network's
            scaled input. Its size may differ from that of the map.
        heat_map: (rows, columns) in [0, 1].
        opacity: Opacity of the colour where the heat is 1, from 0 to 1.

    Returns:
        uint8 RGB (height, width, 3).

    Raises:
        ValueError: The picture, the map or the opacity is not as described.
    """
    image, heat_map = np.asarray(image), np.asarray(heat_map, "float32")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(
            "image must be uint8 (height, width, 1 or 3), as images.files.read gives it; received "
            f"{image.dtype} of shape {image.shape}"
        )
    if heat_map.ndim != 2 or not 0 <= heat_map.min() <= heat_map.max() <= 1:
        raise ValueError(
            "heat_map must be (rows, columns) in [0, 1], as grad_cam gives it; received shape "
            f"{heat_map.shape}"
        )
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be in [0, 1]; received opacity={opacity}")
    height, width = image.shape[:2]
    heat = cv2.resize(heat_map, (width, height), interpolation=cv2.INTER_LINEAR)
    # Inferno's lightness grows throughout, so that it is readable in grey and by the colour-blind.
    colours = cv2.applyColorMap(np.uint8(np.round(heat * 255)), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = (opacity * heat)[..., None]
    return np.round(image * (1 - share) + colours * share).astype(np.uint8)


def _candidates(model):
    """Return the default layer; for SSD300 the last layers of the two maps of its base."""
    if _is_detector(model):
        heads = [model.get_layer(f"{name}_mbox_conf") for name in list(ssd.MAPS)[:2]]
        return [
            next(layer for layer in model.layers if layer.output is head.input) for head in heads
        ]
    for _, layer in reversed(list(hooks.operations(model))):
        shape = getattr(getattr(layer, "output", None), "shape", ())
        if len(shape) == 4 and shape[1:3] != (1, 1) and not isinstance(layer, _AFTER_FEATURES):
            return [layer]
    raise ValueError(
        f"grad_cam needs feature maps (batch, rows, columns, channels); {model.name} has none"
    )


def _is_detector(model):
    return len(model.outputs[0].shape) == 3 and any(
        layer.name == f"{next(iter(ssd.MAPS))}_mbox_conf" for layer in model.layers
    )


def _first_priors(model):
    """Return the number of priors on SSD300's first map."""
    return model.get_layer(f"{next(iter(ssd.MAPS))}_mbox_conf_flat").output.shape[1]


def _score_index(model, logits, class_index):
    """Return the index of the score to explain in the model's output for one picture."""
    detector = _is_detector(model)
    if not detector and logits.ndim != 1:
        raise ValueError(
            f"grad_cam explains one score per class, (batch, classes); {model.name} returns "
            f"{model.output_shape}"
        )
    if detector:
        logits = logits[:, 4:].astype("float64")
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
    else:
        scores = logits[None]
    classes = scores.shape[1]
    if class_index is None:
        class_index = detector + int(scores[:, detector:].max(axis=0).argmax())
    if not int(detector) <= class_index < classes:
        raise ValueError(
            f"class_index must be in [{int(detector)}, {classes}) for {model.name}; received "
            f"class_index={class_index}"
        )
    if detector:
        return int(scores[:, class_index].argmax()), 4 + class_index
    return (class_index,)


def _gradient(function, x):
    """Return the gradient of a score with the backend's own function; keras.ops has none."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                score = function(x)
            return tape.gradient(score, x, unconnected_gradients="zero")
        case "jax":
            import jax

            return jax.grad(function)(x)
        case "torch":
            import torch

            x = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(function(x), x, allow_unused=True)
            return torch.zeros_like(x) if gradient is None else gradient
        case other:
            raise ValueError(f"grad_cam needs TensorFlow, JAX or PyTorch; the backend is {other}")
