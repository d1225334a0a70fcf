"""Small sets of pictures with boxes, for tests."""

import json

import numpy as np
from PIL import Image

OBJECT = (
    "<object><name>{name}</name>{extra}<bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def picture(path, *, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def voc_folder(folder, objects, *, split="train"):
    """A VOC folder with one picture "first" of 60x40 and these objects."""
    for part in ("Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    picture(folder / "JPEGImages" / "first.jpg")
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("first\n")
    text = "".join(
        OBJECT.format(*box, name=name, extra=f"<difficult>{int(hard)}</difficult>")
        for name, box, hard in objects
    )
    (folder / "Annotations" / "first.xml").write_text(f"<annotation>{text}</annotation>")
    return folder


def set_of_names(folder, names):
    """A VOC folder with a picture per class name, each of other pixels."""
    voc_folder(folder, [])
    listing = []
    for number, name in enumerate(names):
        path = folder / "JPEGImages" / f"{number}.png"
        blocks = np.random.default_rng(number).integers(0, 256, (4, 6, 3), np.uint8)
        Image.fromarray(blocks).resize((60, 40), Image.Resampling.NEAREST).save(path)
        text = OBJECT.format(5, 6, 30, 20, name=name, extra="")
        (folder / "Annotations" / f"{number}.xml").write_text(f"<annotation>{text}</annotation>")
        listing.append(f"{number}\n")
    (folder / "ImageSets" / "Main" / "train.txt").write_text("".join(listing))
    return folder


# The same set in every layout: split -> picture of 60x40 -> its objects, (class, corners).
OBJECTS = {
    "train": {"a": [("cat", (5, 6, 30, 20)), ("dog", (10, 12, 40, 36))], "b": []},
    "val": {"c": [("dog", (0, 0, 60, 40))]},
}
WIDTH, HEIGHT = 60, 40


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _xml(objects):
    text = "".join(OBJECT.format(*box, name=name, extra="") for name, box in objects)
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    return f"<annotation><filename>x.jpg</filename>{size}{text}</annotation>"


def _voc(folder):
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / "JPEGImages" / f"{name}.jpg")
            _write(folder / "Annotations" / f"{name}.xml", _xml(objects))
        _write(folder / "ImageSets/Main" / f"{split}.txt", "\n".join(pictures))


def _labelimg(folder):
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / split / f"{name}.jpg")
            _write(folder / split / f"{name}.xml", _xml(objects))


def _coco_content(pictures):
    content = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [
        {"id": 0, "name": "animals", "supercategory": "none"},  # as Roboflow has it
        {"id": 7, "name": "dog", "supercategory": "animals"},
        {"id": 3, "name": "cat ", "supercategory": "animals"},
    ]
    for number, (name, objects) in enumerate(pictures.items()):
        image = {"id": number, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
        content["images"].append(image)
        for label, (x1, y1, x2, y2) in objects:
            box = [x1, y1, x2 - x1, y2 - y1]
            entry = {"image_id": number, "category_id": {"dog": 7, "cat": 3}[label], "bbox": box}
            content["annotations"].append(entry)
    return json.dumps(content)


def _coco(folder):
    for split, pictures in OBJECTS.items():
        for name in pictures:
            picture(folder / f"{split}2017" / f"{name}.jpg")
        _write(folder / "annotations" / f"instances_{split}2017.json", _coco_content(pictures))
        _write(folder / "annotations" / f"captions_{split}2017.json", "{}")


def _roboflow(folder):
    for split, pictures in OBJECTS.items():
        place = folder / split.replace("val", "valid")
        for name in pictures:
            picture(place / f"{name}.jpg")
        _write(place / "_annotations.coco.json", _coco_content(pictures))


def _share(box):
    x1, y1, x2, y2 = box
    values = (x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT
    return " ".join(map(repr, (*values, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT)))


def _labels(objects):
    return "".join(f"{('dog', 'cat').index(name)} {_share(box)}\n" for name, box in objects)


def _yolo(folder):
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / "images" / split / f"{name}.JPG")
            if objects:  # a picture without objects has no label file
                _write(folder / "labels" / split / f"{name}.txt", _labels(objects))
    _write(
        folder / "data.yaml",
        "path: ../gone\ntrain: images/train\nval: images/val\nnames: {0: dog, 1: cat}\n",
    )


def _yolo_roboflow(folder):
    for split, pictures in OBJECTS.items():
        place = folder / split.replace("val", "valid")
        for name, objects in pictures.items():
            picture(place / "images" / f"{name}.jpg")
            _write(place / "labels" / f"{name}.txt", _labels(objects))
    _write(
        folder / "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n"
        "names: ['dog', 'cat']\n",
    )


def _darknet(folder):
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / "obj" / f"{name}.jpg")
            _write(folder / "obj" / f"{name}.txt", _labels(objects))
        lines = "".join(f"data/obj/{name}.jpg\n" for name in pictures)
        _write(folder / f"{split}.txt", lines)
    _write(folder / "obj.names", "dog\ncat\n")
    text = "classes = 2\ntrain = data/train.txt\nvalid = data/val.txt\nnames = data/obj.names\n"
    _write(folder / "obj.data", text + "backup = backup/\n")


def _lines(folder):
    for split, pictures in OBJECTS.items():
        text = ""
        for name, objects in pictures.items():
            picture(folder / "pictures" / f"{name}.jpg")
            boxes = [
                ",".join(map(str, (*box, ("dog", "cat").index(label)))) for label, box in objects
            ]
            text += " ".join([f"pictures/{name}.jpg", *boxes]) + "\n"
        _write(folder / f"{split}.txt", text)
    _write(folder / "classes.txt", "dog\ncat\n")


def _csv(folder):
    for split, pictures in OBJECTS.items():
        text = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        for name, objects in pictures.items():
            picture(folder / "images" / f"{name}.jpg")
            for label, box in objects:
                text += f"{name}.jpg,{WIDTH},{HEIGHT},{label},{','.join(map(str, box))}\n"
            text += f"{name}.jpg,{WIDTH},{HEIGHT},,,,,\n" * (not objects)
        _write(folder / f"{split}_labels.csv", text)


def _retinanet(folder):
    for split, pictures in OBJECTS.items():
        text = ""
        for name, objects in pictures.items():
            picture(folder / "images" / f"{name}.jpg")
            for label, box in objects:
                text += f"images\\{name}.jpg,{','.join(map(str, box))},{label}\n"
            text += f"images/{name}.jpg,,,,,\n" * (not objects)
        _write(folder / f"{split}.csv", text)
    _write(folder / "classes.csv", "cat,0\ndog,1\n")


def _labelme(folder):
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / split / f"{name}.jpg")
            shapes = [
                {"label": label, "points": [[x2, y1], [x1, y2]], "shape_type": "rectangle"}
                for label, (x1, y1, x2, y2) in objects
            ]
            content = {"shapes": shapes, "imagePath": f"C:\\pictures\\{name}.jpg"}
            content |= {"imageWidth": WIDTH, "imageHeight": HEIGHT, "imageData": None}
            _write(folder / split / f"{name}.json", json.dumps(content))


def _cvat(folder):
    text = ""
    for split, pictures in OBJECTS.items():
        for name, objects in pictures.items():
            picture(folder / "images" / f"{name}.jpg")
            text += f'<image name="{name}.jpg" width="60" height="40" subset="{split.title()}">'
            for label, (x1, y1, x2, y2) in objects:
                text += f'<box label="{label}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/>'
            text += "</image>"
    _write(folder / "annotations.xml", f"<annotations><version>1.1</version>{text}</annotations>")


LAYOUTS = {
    "voc": _voc,
    "labelimg": _labelimg,
    "coco": _coco,
    "roboflow": _roboflow,
    "yolo": _yolo,
    "yolo_roboflow": _yolo_roboflow,
    "darknet": _darknet,
    "lines": _lines,
    "csv": _csv,
    "retinanet": _retinanet,
    "labelme": _labelme,
    "cvat": _cvat,
}
