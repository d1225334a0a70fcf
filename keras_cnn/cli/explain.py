"""``explain``: draw which pixels a network uses, its filters and its feature maps."""

import argparse
import re
from pathlib import Path

from keras_cnn.cli import arguments, backend, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say

_LEAST_SIDE = 480  # pixels; smaller drawings are enlarged


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    arguments.add_paths(parser, nargs="*")
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="class to explain (default: the class that the network answers)",
    )
    parser.add_argument(
        "--layer",
        dest="layers",
        action="append",
        default=[],
        metavar="NAME",
        help="draw this layer's filters and feature maps too; may be repeated",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the drawings (default: RUN/explain)"
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Draw which pixels a network uses, its filters and its feature maps.

    For each picture: a heat map of the pixels that support the class (Grad-CAM), and with --layer
    the feature maps before and after the activation. For the network: a table of its layers with
    cost and receptive field, and the filters of its first convolution, or of --layer.
    """
    if options.class_name is not None and not options.paths:
        raise InputError("--class explains pictures: name some, or leave it out")
    paths, _ = arguments.pictures(options.paths)
    with output.stdout_for_answer(options):
        subject = _Subject(options)
        from keras_cnn import explain

        try:
            table = explain.table(subject.model)
            drawings = dict(_filter_drawings(subject, options.layers))
            answers = []
            for path in paths:
                drawings_of_picture, answer = _explain_picture(
                    subject, path, options.layers, taken=drawings
                )
                drawings |= drawings_of_picture
                answers.append(answer)
        except ValueError as error:  # there is no such layer, or it has no feature maps
            if isinstance(error, InputError):
                raise
            raise InputError(str(error)) from error
        print(table)
        files = _write(drawings, options.out or subject.path.with_name("explain"))
        for answer in filter(None, answers):
            say(answer)
        for file in files:
            say(f"Drawn: {file}")
    if options.json:
        output.print_json({"drawings": files, "table": table.to_dict()})


class _Subject:
    """The saved model to explain, and the preparation of its pictures."""

    def __init__(self, options):
        from keras_cnn import card

        self.path = card.model_path(options.model)
        self.card = card.read(self.path)
        self.is_detector = self.card.task == "detection"
        self.class_index, self.heat_map_name = None, "grad_cam"
        if options.class_name is not None:
            if options.class_name not in self.card.class_names:
                raise InputError(
                    f"--class must be one of {list(self.card.class_names)}; received "
                    f"{options.class_name!r}"
                )
            self.class_index = self.card.class_names.index(options.class_name)
            self.heat_map_name = f"grad_cam_{_file_name(options.class_name)}"
        backend.import_keras()
        if self.is_detector:
            if self.class_index is not None:
                self.class_index += 1  # output 0 is the background
            self.model = card.load_model(self.path, unsafe=options.unsafe)
        else:
            from keras_cnn.inference.predictor import Predictor

            self.predictor = Predictor.load(self.path, unsafe=options.unsafe)
            self.model = self.predictor.model

    def read(self, path):
        """Return the picture to draw on, and the network's input."""
        import numpy as np

        from keras_cnn.images import files

        if self.is_detector:
            from keras_cnn.detection import augment, boxes

            pixels = files.read(path)
            view = boxes.letterbox(pixels.shape[1], pixels.shape[0])
            square = augment.render(pixels, view, size=self.model.input_shape[1])
            return square, square.astype(np.float32)
        preparation = self.predictor.preparation
        pixels = preparation.read(path)
        if preparation.keep_aspect_ratio or preparation.margin:  # the network sees another section
            shown = pixels[..., :3]
        else:
            shown = files.read(path, exif_rotation=preparation.exif_rotation)
        return shown, preparation.scale(pixels)

    def describe_answer(self, path, image):
        """Return a sentence with the answer and the class explained; None without classes."""
        if self.is_detector or not self.card.class_names:
            return None
        from keras_cnn.inference.predictor import Answer

        (scores,) = self.predictor.tested_model.predict_on_batch(image[None])
        answer = Answer(scores, self.card.class_names)
        index = self.class_index
        explained = answer.name if index is None else self.card.class_names[index]
        return N_(
            f"{path}: {answer.name} ({answer.value:.3f}); the heat map shows the pixels that "
            f"support {explained}"
        )

    @property
    def takes_bgr(self):
        return not self.is_detector and self.predictor.preparation.scaling.mode == "caffe"


def _filter_drawings(subject, names):
    """Yield name and pixels of the drawing of each layer's filters."""
    import keras

    from keras_cnn import explain
    from keras_cnn.explain import hooks

    if names:
        layers = [hooks.find(subject.model, name) for name in names]
    else:
        layers = (layer for _, layer in hooks.operations(subject.model))
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions if names else convolutions[:1]:
        kernels = explain.filters(subject.model, layer)
        if kernels.shape[-1] != 3:
            kernels = kernels[..., 0]
        elif subject.takes_bgr:
            kernels = kernels[..., ::-1]
        yield f"filters_{layer.name}", _to_pixels(explain.mosaic(kernels))


def _explain_picture(subject, path, layers, *, taken):
    """Return the drawings of a picture, name -> pixels, and the sentence of its answer."""
    import numpy as np

    from keras_cnn import explain

    shown, image = subject.read(path)
    stem, number = Path(path).stem, 1
    while f"{stem}_{subject.heat_map_name}" in taken:  # pictures of the same name from two folders
        number += 1
        stem = f"{Path(path).stem}_{number}"
    heat = explain.grad_cam(subject.model, image, class_index=subject.class_index)
    drawings = {f"{stem}_{subject.heat_map_name}": _to_pixels(explain.overlay(shown, heat) / 255)}
    if layers:
        for name, maps in explain.feature_maps(subject.model, image, layers).items():
            if maps.ndim != 3:
                raise InputError(f"--layer must have feature maps; {name} has none: name another")
            span = maps.max() - maps.min()
            scaled = (maps - maps.min()) / (span if span > 0 else 1)
            mosaic = explain.mosaic(np.moveaxis(scaled, -1, 0))
            drawings[f"{stem}_{_file_name(name)}"] = _to_pixels(mosaic)
    return drawings, subject.describe_answer(path, image)


def _file_name(text):
    """Return the name of a layer or class without characters that a file system may refuse."""
    return re.sub(r'[\s/\\:*?"<>|]', "_", text)


def _to_pixels(drawing):
    """Return values from 0 to 1 as pixels, the gaps of a mosaic white; enlarge a small drawing."""
    import numpy as np

    pixels = np.uint8(np.round(np.nan_to_num(drawing, nan=1.0) * 255))
    factor = max(1, _LEAST_SIDE // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _write(drawings, folder):
    from PIL import Image

    from keras_cnn.filesystem import writable

    folder = writable(folder)
    files = []
    for name, pixels in drawings.items():
        files.append(str(folder / f"{name}.png"))
        Image.fromarray(pixels).save(files[-1])
    return files
