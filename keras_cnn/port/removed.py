"""Names of Keras 1 and 2 that Keras 3 lacks, and what to do instead."""

from keras_cnn.i18n import N_

_NO_LAYER = N_("Keras 3 has no such layer: write it as a subclass of keras.layers.Layer")
_THEANO = N_("Keras 3 does not run on Theano: write it with keras.ops")
NO_SESSIONS = N_("TensorFlow 2 has no sessions and graphs: remove it")
REMOVED = {  # canonical name, or beginning of names -> reason
    **{
        f"keras.layers.{name}": _NO_LAYER
        for name in (
            "Highway LocallyConnected1D LocallyConnected2D MaxoutDense ParametricSoftplus SReLU "
            "ConvRecurrent2D"
        ).split()
    },
    "keras.layers.local": _NO_LAYER,
    "keras.layers.Merge": N_(
        "Keras 3 has no Merge layer: use the functional API and "
        "keras.layers.concatenate, add or multiply"
    ),
    "keras.layers.TimeDistributedDense": N_("write TimeDistributed(Dense(...))"),
    "keras.wrappers": N_("use the package scikeras"),
    "keras.applications.imagenet_utils._obtain_input_shape": N_(
        "an internal of Keras: write the shape that the network takes"
    ),
    "keras.utils.convert_all_kernels_in_model": N_(
        "Theano's kernels are no longer read: load weights that were saved with TensorFlow"
    ),
    "keras.models.model_from_yaml": N_(
        "models are no longer read from YAML: use JSON or .keras files"
    ),
    "keras.utils.HDF5Matrix": N_("read the file with h5py"),
    "keras.utils.probas_to_classes": N_("use probabilities.argmax(axis=-1)"),
    "keras.backend.function": N_(
        "Keras 3 builds no backend functions: make a keras.Model of the same tensors and call it"
    ),
    "keras.backend.gradients": N_(
        "gradients need tf.GradientTape (keras_cnn.grad_cam computes Grad-CAM)"
    ),
    "keras.backend.placeholder": N_("use keras.Input"),
    "keras.backend.learning_phase": N_("pass training=True or False to the model"),
    "keras.backend.in_train_phase": N_("write a layer with the argument training"),
    "keras.backend.get_session": N_("TensorFlow 2 has no sessions: call the function directly"),
    "keras.backend.logsumexp": N_("use keras.ops.logsumexp"),
    "keras.backend.slice": N_("use keras.ops.slice"),
    "keras.backend.tf": N_("import tensorflow as tf"),
    **{f"keras.backend.{name}": _THEANO for name in ("T", "pool", "theano", "theano_backend")},
    "keras.backend.conv3d_transpose": N_("use keras.ops.conv_transpose"),
    "keras.backend.local_conv2d": _NO_LAYER,
    "keras.applications.resnext": N_("Keras 3 has no ResNeXt"),
    "keras.applications.music_tagger_crnn": N_("Keras 3 has no such network"),
    "keras.datasets.cifar": N_("use keras.datasets.cifar10 or cifar100"),
    "keras.metrics.precision": N_("use keras.metrics.Precision()"),
    "keras.metrics.recall": N_("use keras.metrics.Recall()"),
    "keras.metrics.fbeta_score": N_("use keras.metrics.FBetaScore()"),
    "keras.metrics.fmeasure": N_("use keras.metrics.F1Score()"),
    "keras.losses.cosine_proximity": N_("use keras.losses.CosineSimilarity()"),
    "keras.losses.cosine": N_("use keras.losses.CosineSimilarity()"),
    "keras.preprocessing.image.apply_transform": N_("use keras_cnn.legacy.apply_affine_transform"),
    "keras.preprocessing.image.list_pictures": N_("use pathlib.Path.glob"),
    "keras.preprocessing.image.transform_matrix_offset_center": N_(
        "keras_cnn.legacy has no such function: use keras_cnn.legacy.apply_affine_transform"
    ),
    "keras.estimator": N_("Keras 3 has no estimators"),
    "keras.utils.conv_utils": N_("internals of Keras moved: find the name at keras.io/api"),
    "keras.engine": N_("internals of Keras moved: find the name at keras.io/api"),
}
