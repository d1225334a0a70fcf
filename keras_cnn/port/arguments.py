"""Arguments of Keras 1 and 2: table of old -> new for each class and method."""

_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_FORMAT = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONVOLUTION = {**_KERNEL, **_FORMAT, "nb_filter": "filters", "subsample": "strides"}
_RECURRENT = {
    **_KERNEL,
    "output_dim": "units",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_POOLING = {**_FORMAT, "poolsize": "pool_size", "stride": "strides"}

RENAMED = {  # class of keras.layers, keras.optimizers, ... -> {old argument: new argument}
    "layers.Dense": {**_KERNEL, "output_dim": "units"},
    "layers.Conv1D": {
        **_CONVOLUTION,
        "filter_length": "kernel_size",
        "subsample_length": "strides",
        "atrous_rate": "dilation_rate",
    },
    "layers.Conv2D": {**_CONVOLUTION, "atrous_rate": "dilation_rate"},
    "layers.Conv3D": _CONVOLUTION,
    "layers.Conv2DTranspose": _CONVOLUTION,
    "layers.SeparableConv2D": _CONVOLUTION,
    "layers.DepthwiseConv2D": {
        **_FORMAT,
        "kernel_initializer": "depthwise_initializer",
        "kernel_regularizer": "depthwise_regularizer",
        "kernel_constraint": "depthwise_constraint",
    },
    "layers.ConvLSTM2D": {**_RECURRENT, **_CONVOLUTION},
    "layers.Dropout": {"p": "rate"},
    "layers.SpatialDropout1D": {"p": "rate"},
    "layers.SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "layers.SpatialDropout3D": {"p": "rate", "dim_ordering": "data_format"},
    "layers.GaussianDropout": {"p": "rate"},
    "layers.GaussianNoise": {"sigma": "stddev"},
    "layers.Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "layers.BatchNormalization": {
        "beta_init": "beta_initializer",
        "gamma_init": "gamma_initializer",
    },
    "layers.LeakyReLU": {"alpha": "negative_slope"},
    "layers.PReLU": {"init": "alpha_initializer"},
    "layers.ReLU": {"theta": "threshold"},
    **{
        f"layers.{name}": {**_POOLING, "pool_length": "pool_size"}
        for name in "AveragePooling1D AvgPool1D MaxPool1D MaxPooling1D".split()
    },
    **{
        f"layers.{name}": _POOLING
        for name in (
            "AveragePooling2D AveragePooling3D AvgPool2D AvgPool3D MaxPool2D MaxPool3D "
            "MaxPooling2D MaxPooling3D"
        ).split()
    },
    **{
        f"layers.{name}": _FORMAT
        for name in (
            "Cropping2D Cropping3D Flatten GlobalAveragePooling1D GlobalAveragePooling2D "
            "GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D UpSampling2D "
            "UpSampling3D ZeroPadding2D ZeroPadding3D"
        ).split()
    },
    **{f"layers.{name}": _RECURRENT for name in ("GRU", "LSTM", "SimpleRNN")},
    "layers.Input": {"input_dtype": "dtype", "batch_input_shape": "batch_shape"},
    "layers.InputLayer": {
        "batch_input_shape": "batch_shape",
        "input_dtype": "dtype",
        "input_shape": "shape",
    },
    "layers.Reshape": {"dims": "target_shape"},
    "models.Model": {"input": "inputs", "output": "outputs"},
    "callbacks.ReduceLROnPlateau": {"epsilon": "min_delta"},
    "regularizers.l1": {"l": "l1"},
    "regularizers.l2": {"l": "l2"},
    "preprocessing.image.ImageDataGenerator": {"dim_ordering": "data_format"},
    "preprocessing.image.img_to_array": {"dim_ordering": "data_format"},
    "preprocessing.image.array_to_img": {"dim_ordering": "data_format"},
    "constraints.MaxNorm": {"m": "max_value"},
    **{
        f"optimizers.{name}": {"lr": "learning_rate"}
        for name in "Adadelta Adagrad Adam AdamW Adamax Ftrl Nadam RMSprop SGD".split()
    },
}

DROPPED = {  # class -> arguments that mean nothing today
    "layers.BatchNormalization": {"mode", "fused", "renorm", "virtual_batch_size"},
    "layers.Conv2DTranspose": {"output_shape"},
    "layers.SeparableConv2D": {"kernel_constraint", "kernel_initializer", "kernel_regularizer"},
    "layers.Embedding": {"dropout"},
    **{
        f"layers.{name}": {"consume_less", "forget_bias_init", "implementation"}
        for name in ("GRU", "LSTM", "SimpleRNN")
    },
    "callbacks.TensorBoard": {
        "batch_size",
        "embeddings_data",
        "embeddings_layer_names",
        "write_grads",
    },
    "optimizers.Nadam": {"schedule_decay"},
}

POSITIONAL = {  # optimizer of Keras 2 -> its positional arguments
    "optimizers.SGD": ("learning_rate", "momentum", "decay", "nesterov"),
    "optimizers.RMSprop": ("learning_rate", "rho", "epsilon", "decay"),
    "optimizers.Adagrad": ("learning_rate", "epsilon", "decay"),
    "optimizers.Adadelta": ("learning_rate", "rho", "epsilon", "decay"),
    "optimizers.Adam": ("learning_rate", "beta_1", "beta_2", "epsilon", "decay", "amsgrad"),
    "optimizers.Adamax": ("learning_rate", "beta_1", "beta_2", "epsilon", "decay"),
    "optimizers.Nadam": ("learning_rate", "beta_1", "beta_2", "epsilon", "schedule_decay"),
}

FIT = {  # method -> {old argument: new argument}; None drops it
    "fit": {
        "nb_epoch": "epochs",
        "nb_val_samples": "validation_steps",
        "workers": None,
        "use_multiprocessing": None,
        "max_queue_size": None,
        "max_q_size": None,
        "nb_worker": None,
        "pickle_safe": None,
        "show_accuracy": None,
    },
    "evaluate": {
        "workers": None,
        "use_multiprocessing": None,
        "max_queue_size": None,
        "show_accuracy": None,
    },
    "predict": {"workers": None, "use_multiprocessing": None, "max_queue_size": None},
}
GENERATORS = {  # method -> new method, its positional arguments
    "fit_generator": (
        "fit",
        (
            "generator",
            "steps_per_epoch",
            "epochs",
            "verbose",
            "callbacks",
            "validation_data",
            "validation_steps",
            "class_weight",
        ),
    ),
    "evaluate_generator": ("evaluate", ("generator", "steps", "callbacks")),
    "predict_generator": ("predict", ("generator", "steps", "callbacks")),
}
GENERATOR_ARGUMENTS = {  # of the three methods
    **FIT["fit"],
    "generator": "x",
    "nb_val_samples": "validation_steps",
    "samples_per_epoch": "steps_per_epoch",
    "val_samples": "steps",
    "wait_time": None,
}
DIM_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
MERGE_MODES = {  # mode of Keras 1's merge -> function of keras.layers
    "ave": "average",
    "concat": "concatenate",
    "cos": "dot",
    "dot": "dot",
    "max": "maximum",
    "mul": "multiply",
    "sum": "add",
}
LOSSES = {  # string of compile -> string of Keras 3
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
