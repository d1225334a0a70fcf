"""Names of facts, options and figures in the reader's language."""

from keras_cnn.i18n import N_, _, pgettext

# Keys of `report.json` and of its tables, as a page shows them. Those of options are collected
# from the recipes.
FACTS = (
    N_("as printed"),
    N_("batches"),
    N_("best epoch"),
    N_("calibration"),
    N_("classifier"),
    N_("cores"),
    N_("dataset"),
    N_("deterministic"),
    N_("devices"),
    N_("distribution"),
    N_("engine"),
    N_("fine-tuning"),
    N_("folder"),
    N_("folds"),
    N_("hardware"),
    N_("head"),
    N_("images per second"),
    N_("interrupted"),
    N_("is sample"),
    N_("kept"),
    N_("linear probe"),
    N_("listing"),
    N_("mean"),
    N_("name"),
    N_("network"),
    N_("note"),
    N_("parameters"),
    N_("phases"),
    N_("platform"),
    N_("processes"),
    N_("processor"),
    N_("recipe"),
    N_("runs"),
    N_("samples"),
    N_("seconds"),
    N_("sentence"),
    N_("skipped boxes"),
    N_("std"),
    N_("test"),
    N_("total"),
    N_("train"),
    N_("training"),
    N_("validate on test"),
    N_("validation"),
    N_("value"),
    N_("values"),
    N_("versions"),
)
GROUPS = (N_("typeface"),)  # kinds of groups that the cases' --group-by names
# Quantities of a training; a name with "validation" has those of the validation pictures.
QUANTITIES = (
    N_("accuracy"),
    N_("loss"),
    N_("mae"),
    N_("mean absolute error"),
    N_("mean iou"),
    N_("mse"),
    N_("top5"),
    N_("validation accuracy"),
    N_("validation loss"),
    N_("validation mae"),
    N_("validation mean iou"),
    N_("validation mAP (VOC)"),
)
PLOTS = (
    N_("confusion"),
    N_("curves"),
    N_("precision recall"),
    N_("residuals"),
    N_("scatter"),
    N_("unknown pictures"),
)


def name(key: str) -> str:
    """Return the name of a fact, an option or a quantity of a training.

    Args:
        key: Its key, such as "learning_rate".
    """
    words = key.replace("_", " ")
    if words.startswith("val "):
        return _("validation " + words[4:])
    text = pgettext("option", words)
    return _(words) if text == words else text


def heading(key: str) -> str:
    """Return the name of a table or a figure as a heading.

    Args:
        key: Its key, such as "linear_probe".
    """
    text = name(key)
    return text[:1].upper() + text[1:]
