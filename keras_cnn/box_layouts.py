"""The layouts of pictures with boxes that are read, for help and messages.

The readers are in `datasets.formats`, whose import takes a second. This table has none.
"""

from keras_cnn.i18n import N_, translated

LAYOUTS = {  # name -> its files; in the order in which a folder is tried
    "PASCAL VOC": "ImageSets/Main/{train,val,test}.txt, Annotations/*.xml and JPEGImages/",
    "COCO": "{train,val,test}.json, annotations/instances_{train,val,test}*.json, or "
    "{train,valid,test}/_annotations.coco.json; an undivided _annotations.coco.json",
    "lines of text": "{train,val,test}.txt of 'path x1,y1,x2,y2,class …' and classes.txt",
    "YOLO": N_(
        "data.yaml or classes.txt, and labels/*.txt beside images/; or darknet's obj.data, or "
        "train.txt and obj.names"
    ),
    "CVAT for images 1.1": N_("annotations.xml beside the pictures or images/"),
    "CSV": N_(
        "*.csv with the columns filename, width, height, class, xmin, ymin, xmax, ymax; or "
        "without a header: path,x1,y1,x2,y2,class"
    ),
    "PASCAL VOC without lists (labelImg)": N_(
        "pictures and their *.xml side by side, or in Annotations/; with folders train, val and "
        "test, or without"
    ),
    "labelme": N_("*.json beside the pictures"),
}
NAMES = ", ".join(LAYOUTS)
LINES = "".join(f"\n  {name}: {files}" for name, files in LAYOUTS.items())


def lines() -> str:
    """Return `LINES` in the reader's language."""
    return "".join(f"\n  {name}: {translated(files)}" for name, files in LAYOUTS.items())
