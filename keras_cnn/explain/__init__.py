"""Explain a network: filters, feature maps, Grad-CAM and a table of its layers.

All functions return arrays and numbers; `keras_cnn.report.figures` draws them.
"""

from keras_cnn.explain.activations import feature_maps, filters, mosaic
from keras_cnn.explain.gradcam import grad_cam, overlay
from keras_cnn.explain.layer_table import Row, Table, table

__all__ = ["Row", "Table", "feature_maps", "filters", "grad_cam", "mosaic", "overlay", "table"]
