"""Transfer learning: a network trained on one task serves another, which has fewer pictures."""

from keras_cnn.transfer.head import (
    CLASSIFIERS,
    PENALTIES,
    Base,
    check_codes,
    fit_codes,
    fit_head,
    thaw,
)

__all__ = ["CLASSIFIERS", "PENALTIES", "Base", "check_codes", "fit_codes", "fit_head", "thaw"]
