"""Small sets of pictures with boxes, for tests."""

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
