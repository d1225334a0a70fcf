"""Names of Keras 1 and 2 that Keras 3 lacks, and what to do instead."""

_NO_LAYER = "Keras 3 has no such layer: write it as a subclass of keras.layers.Layer"
_THEANO = "Keras 3 does not run on Theano: write it with keras.ops"
REMOVED = {  # canonical name, or beginning of names -> reason
    **{
        f"keras.layers.{name}": _NO_LAYER
        for name in (
            "Highway LocallyConnected1D LocallyConnected2D MaxoutDense ParametricSoftplus SReLU "
            "ConvRecurrent2D"
        ).split()
    },
    "keras.layers.local": _NO_LAYER,
    "keras.layers.Merge": "Keras 3 has no Merge layer: use the functional API and "
    "keras.layers.concatenate, add or multiply",
    "keras.layers.TimeDistributedDense": "write TimeDistributed(Dense(...))",
    "keras.wrappers": "use the package scikeras",
    "keras.applications.imagenet_utils._obtain_input_shape": "an internal of Keras: write "
    "the shape that the network takes",
    "keras.utils.convert_all_kernels_in_model": "Theano's kernels are no longer read: load weights "
    "that were saved with TensorFlow",
    "keras.models.model_from_yaml": "models are no longer read from YAML: use JSON or .keras files",
    "keras.utils.HDF5Matrix": "read the file with h5py",
    "keras.utils.probas_to_classes": "use probabilities.argmax(axis=-1)",
    "keras.backend.function": "Keras 3 builds no backend functions: make a keras.Model of the same "
    "tensors and call it",
    "keras.backend.gradients": "gradients need tf.GradientTape (keras_cnn.grad_cam computes "
    "Grad-CAM)",
    "keras.backend.placeholder": "use keras.Input",
    "keras.backend.learning_phase": "pass training=True or False to the model",
    "keras.backend.in_train_phase": "write a layer with the argument training",
    "keras.backend.get_session": "TensorFlow 2 has no sessions: call the function directly",
    "keras.backend.logsumexp": "use keras.ops.logsumexp",
    "keras.backend.slice": "use keras.ops.slice",
    "keras.backend.tf": "import tensorflow as tf",
    **{f"keras.backend.{name}": _THEANO for name in ("T", "pool", "theano", "theano_backend")},
    "keras.backend.conv3d_transpose": "use keras.ops.conv_transpose",
    "keras.backend.local_conv2d": _NO_LAYER,
    "keras.applications.resnext": "Keras 3 has no ResNeXt",
    "keras.applications.music_tagger_crnn": "Keras 3 has no such network",
    "keras.datasets.cifar": "use keras.datasets.cifar10 or cifar100",
    "keras.metrics.precision": "use keras.metrics.Precision()",
    "keras.metrics.recall": "use keras.metrics.Recall()",
    "keras.metrics.fbeta_score": "use keras.metrics.FBetaScore()",
    "keras.metrics.fmeasure": "use keras.metrics.F1Score()",
    "keras.losses.cosine_proximity": "use keras.losses.CosineSimilarity()",
    "keras.losses.cosine": "use keras.losses.CosineSimilarity()",
    "keras.preprocessing.image.apply_transform": "use keras_cnn.legacy.apply_affine_transform",
    "keras.preprocessing.image.list_pictures": "use pathlib.Path.glob",
    "keras.preprocessing.image.transform_matrix_offset_center": "keras_cnn.legacy has no such "
    "function: use keras_cnn.legacy.apply_affine_transform",
    "keras.estimator": "Keras 3 has no estimators",
    "keras.utils.conv_utils": "internals of Keras moved: find the name at keras.io/api",
    "keras.engine": "internals of Keras moved: find the name at keras.io/api",
}
