"""``check``, ``fetch`` and ``explain``: what pictures hold, and what a network sees in them."""

import argparse
from pathlib import Path

from keras_cnn.cli import arguments, output
from keras_cnn.errors import InputError

_LEAST = 480  # pixels that a drawing of few is enlarged to


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "explain", explain, help="draw what a network looks at")
    arguments.add_run(parser)
    arguments.add_paths(parser, nargs="*")
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="what is to be found (default: what the network answers)",
    )
    parser.add_argument(
        "--layer",
        dest="layers",
        action="append",
        default=[],
        metavar="NAME",
        help="draw this layer's filters and feature maps too; may be given several times",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the drawings (default: RUN/explain)"
    )
    arguments.add_json(parser)


def explain(options: argparse.Namespace) -> None:
    """Draw what a network looks at.

    For each picture: a heat map of what speaks for the class (Grad-CAM), and with --layer the
    feature maps, before and after the activation. Of the network: a table of its layers, with what
    each costs and sees, and the filters of its first convolution, or of --layer.
    """
    paths, _ = arguments.pictures(options.paths)
    with output.telling(options):
        view = _View(options)
        from keras_cnn import explain as explaining

        try:
            table = explaining.table(view.model)
            drawings = dict(_of_network(view, options.layers))
            answers = []
            for path in paths:
                drawn, answer = _of_picture(view, path, options.layers, taken=drawings)
                drawings |= drawn
                answers.append(answer)
        except ValueError as error:  # a layer that is not there, or has no feature maps
            if isinstance(error, InputError):
                raise
            raise InputError(str(error)) from error
        print(table)
        files = _write(drawings, options.out or view.path.with_name("explain"))
        for told in filter(None, answers):
            print(told)
        for file in files:
            print(f"Drawn: {file}")
    if options.json:
        output.print_json({"drawings": files, "table": table.to_dict()})


class _View:
    """A saved model, and how a picture becomes its input."""

    def __init__(self, options):
        from keras_cnn import card

        self.path = card.model_path(options.model)
        self.card = card.read(self.path)
        self.class_index = None
        if options.class_name is not None:
            if options.class_name not in self.card.class_names:
                raise InputError(
                    f"--class must be one of {list(self.card.class_names)}; received "
                    f"{options.class_name!r}"
                )
            self.class_index = self.card.class_names.index(options.class_name)
        if self.card.task == "detection":
            self.class_index = None if self.class_index is None else self.class_index + 1
            self.model = card.load_model(self.path, unsafe=options.unsafe)
        else:
            from keras_cnn.inference.predictor import Predictor

            self.predictor = Predictor.load(self.path, unsafe=options.unsafe)
            self.model = self.predictor.model

    def __call__(self, path):
        """Return the picture as it is drawn on, and as the network takes it."""
        import numpy as np

        from keras_cnn.images import files

        if self.card.task == "detection":
            from keras_cnn.detection import augment, boxes

            pixels = files.read(path)
            view = boxes.letterbox(pixels.shape[1], pixels.shape[0])
            square = augment.render(pixels, view, size=self.model.input_shape[1])
            return square, square.astype(np.float32)
        rule = self.predictor.preparation
        pixels = rule.read(path)
        whole = not (rule.keep_aspect_ratio or rule.margin)
        shown = files.read(path, exif_rotation=rule.exif_rotation) if whole else pixels[..., :3]
        return shown, rule.scale(pixels)

    def answer(self, path, image):
        """Tell what the network answers, and which class a heat map explains; None if no class."""
        if self.card.task == "detection" or not self.card.class_names:
            return None
        from keras_cnn.inference.predictor import Answer

        (scores,) = self.predictor.tested_model.predict_on_batch(image[None])
        answer = Answer(scores, self.card.class_names)
        index, found = self.class_index, f"{path}: {answer.name} ({answer.value:.3f})"
        explained = answer.name if index is None else self.card.class_names[index]
        return f"{found}; the heat map shows what speaks for {explained}"

    @property
    def takes_bgr(self):
        if self.card.task == "detection":
            return False
        return self.predictor.preparation.scaling.mode == "caffe"


def _of_network(view, layers):
    """Yield name and pixels of the drawings of filters."""
    import keras

    from keras_cnn import explain as explaining
    from keras_cnn.explain import hooks

    found = [hooks.find(view.model, name) for name in layers] or [
        layer for _, layer in hooks.operations(view.model) if isinstance(layer, keras.layers.Conv2D)
    ][:1]
    for layer in found:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        kernels = explaining.filters(view.model, layer)
        if kernels.shape[-1] != 3:
            kernels = kernels[..., 0]
        elif view.takes_bgr:
            kernels = kernels[..., ::-1]
        yield f"filters_{layer.name}", _enlarged(explaining.mosaic(kernels))


def _of_picture(view, path, layers, *, taken):
    import numpy as np

    from keras_cnn import explain as explaining

    shown, image = view(path)
    stem, number = Path(path).stem, 1
    while f"{stem}_grad_cam" in taken:  # pictures of one name from two folders
        number += 1
        stem = f"{Path(path).stem}_{number}"
    heat = explaining.grad_cam(view.model, image, class_index=view.class_index)
    drawings = {f"{stem}_grad_cam": _enlarged(explaining.overlay(shown, heat) / 255)}
    if layers:
        for name, maps in explaining.feature_maps(view.model, image, layers).items():
            if maps.ndim != 3:
                raise InputError(f"--layer must have feature maps; {name} has none: name another")
            span = maps.max() - maps.min()
            scaled = (maps - maps.min()) / (span if span > 0 else 1)
            plain = name.replace("/", "_").replace(" ", "_")
            drawings[f"{stem}_{plain}"] = _enlarged(explaining.mosaic(np.moveaxis(scaled, -1, 0)))
    return drawings, view.answer(path, image)


def _enlarged(picture):
    """Values 0 to 1 as pixels, the gaps of a mosaic white; few of them are made larger."""
    import numpy as np

    pixels = np.uint8(np.round(np.nan_to_num(picture, nan=1.0) * 255))
    factor = max(1, _LEAST // max(pixels.shape[:2]))
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
