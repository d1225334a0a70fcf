"""Single rules of ``keras-cnn port``: what is rewritten, what stays, what is listed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("libcst")
from keras_cnn.port import notebooks, rewriting

LINES = [
    "import keras",
    "import tensorflow as tf",
    "from tensorflow import keras",
    "from keras import backend as K",
    "from keras.layers import *",
    "from keras.layers.core import Dense, Dropout  # layers",
    "from keras.utils import np_utils",
    "from keras.preprocessing.image import ImageDataGenerator, load_img, Iterator",
    "from keras.optimizers import SGD, adam",
    "from keras.callbacks import ModelCheckpoint",
    "model = keras.models.Sequential([Convolution2D(4, 3, 3, border_mode='same')])",
    "model.compile(SGD(lr=0.1, decay=1e-6), 'logcosh', metrics=['accuracy'])",
    "a = ImageDataGenerator().flow_from_directory('a', batch_size=4)",
    "h = model.fit_generator(a, samples_per_epoch=a.nb_sample, nb_epoch=2, nb_worker=1)",
    "model.fit_generator(zip(a, a), steps_per_epoch=len(a) / 4, epochs=2)",
    "print(h.history['acc'])",
    "model.save_weights('x.h5')",
    "c = ModelCheckpoint('w-{val_acc:.2f}.hdf5', monitor='val_acc', period=2)",
    "y = K.mean(keras.backend.sum(np_utils.to_categorical([1])))",
    "K.set_session(tf.Session(config=tf.ConfigProto()))",
    "if K.image_dim_ordering() == 'th':\n    K.set_learning_phase(1)",
    "z = merge([y, y], mode='concat')",
    "def train(lr=1, nb_epoch=2):\n    return lr  # mine",
    "x = model.predict_classes(y); import keras.backend as KB",
    "y = K.tf.to_float(tf.is_nan(y)); z = K.control_flow_ops.while_loop(f, g, [0])",
    "model.save('model'); model.load_weights('model'); name = 'model'",
    "model.add(MaxPooling2D((2, 2), stride=(2, 2), input_shape=(3, 8, 8)))",
    "model.fit(b, steps_per_epoch=9. // 4)\nmodel.fit(b, steps_per_epoch=9 // 4.)",
    "opt = SGD(0.1)\nmodel.compile(opt, 'mse')\nnet.compile(opt, 'mse')",
]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=10))
def test_a_second_run_changes_nothing(lines):
    once, _ = rewriting.port("\n".join(lines) + "\n")
    assert rewriting.port(once)[0] == once


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from keras.layers.core import Dense  # why\n", "from keras.layers import Dense  # why\n"),
        (
            "import keras.backend as K\nprint(K.sum(x))\n",
            "from tensorflow.keras import backend as K\nprint(K.sum(x))\n",
        ),
        (
            "import keras.backend as K\nK.clear_session()\n",
            "import keras.backend as K\nK.clear_session()\n",
        ),
        (
            "import keras\no = keras.optimizers.SGD(  # slow\n    lr=0.1,\n)\n",
            "import keras\no = keras.optimizers.SGD(  # slow\n    learning_rate=0.1,\n)\n",
        ),
        (
            "from keras.layers import Convolution2D as C\nC(8, 3, 5, subsample=(2, 2))\n",
            "from keras.layers import Conv2D as C\nC(8, (3, 5), strides=(2, 2))\n",
        ),
        (
            "from tensorflow.keras.layers import Conv2D\nConv2D(8, 3, 2)\n",
            "from tensorflow.keras.layers import Conv2D\nConv2D(8, 3, 2)\n",
        ),
        (
            "from keras.models import load_model\nm = load_model('a')\n"
            "m.fit_generator(g, len(x) / 4, 3, workers=2)\n",
            "from keras.models import load_model\nimport math\nm = load_model('a')\n"
            "m.fit(g, steps_per_epoch=math.ceil(len(x) / 4), epochs=3)\n",
        ),
        ("model.fit_generator(g, 10, 2)\n", "model.fit(g, steps_per_epoch=10, epochs=2)\n"),
        (
            "from keras.utils.layer_utils import convert_all_kernels_in_model, print_summary\n",
            "from keras.utils import print_summary\n",
        ),
        (
            "import keras.backend as K\nf = K.function([a.input, K.learning_phase()], [b.output])\n"
            "y = f([x, 0])[0]\n",
            "import keras.backend as K\nfrom keras import Function\n"
            "f = Function([a.input], [b.output])\ny = f([x])[0]\n",
        ),
        (
            "import tensorflow as tf\nfrom keras.models import load_model\n"
            "graph = tf.get_default_graph()\ndef answer(x):\n    global graph\n"
            "    # TensorFlow's graph\n    with graph.as_default():\n        y = x  # why\n"
            "        return y\n",
            "import tensorflow as tf\nfrom keras.models import load_model\ndef answer(x):\n"
            "    global graph\n    # TensorFlow's graph\n    y = x  # why\n    return y\n",
        ),
        (
            "import keras\nclass Batches(keras.utils.Sequence):\n    def __getitem__(self, i):\n"
            "        return [a, b], y\ndef own():\n    yield [a, b], y\n"
            "def pairs():\n    yield [a], [b, c]\nm.fit(pairs(), steps_per_epoch=2)\n",
            "import keras\nclass Batches(keras.utils.Sequence):\n    def __getitem__(self, i):\n"
            "        return (a, b), y\ndef own():\n    yield [a, b], y\n"
            "def pairs():\n    yield (a,), (b, c)\nm.fit(pairs(), steps_per_epoch=2)\n",
        ),
        (
            "import keras\ndef f():\n    if x:\n\t    keras.optimizers.SGD(lr=0.1)\n    f()\n",
            "import keras\ndef f():\n    if x:\n"
            "            keras.optimizers.SGD(learning_rate=0.1)\n    f()\n",
        ),
        (
            "from keras.layers import MaxPooling2D\nMaxPooling2D(poolsize=(2, 2), stride=2)\n",
            "from keras.layers import MaxPooling2D\nMaxPooling2D(pool_size=(2, 2), strides=2)\n",
        ),
        (
            "import keras.backend as K\ny = K.tf.to_int32(K.control_flow_ops.cond(a, b, c))\n",
            "import keras.backend as K\nimport tensorflow as tf\n"
            "y = tf.compat.v1.to_int32(tf.cond(a, b, c))\n",
        ),
        (
            "model.fit_generator(g, steps_per_epoch=(9. // size))\n",
            "model.fit(g, steps_per_epoch=int(9. // size))\n",
        ),
        (
            "import keras\nmodel.fit(g, steps_per_epoch=100 // 32.0)\n",
            "import keras\nmodel.fit(g, steps_per_epoch=int(100 // 32.0))\n",
        ),
        (
            "import keras\nopt = keras.optimizers.Adam(1e-4)\n"
            "model.compile(opt, 'mse')\nnet.compile(optimizer=opt, loss='mse')\n",
            "import keras\nopt = keras.optimizers.Adam(1e-4)\n"
            "model.compile(opt.from_config(opt.get_config()), 'mse')\n"
            "net.compile(optimizer=opt.from_config(opt.get_config()), loss='mse')\n",
        ),
        (
            "import keras\nopt = keras.optimizers.SGD()\nwhile x:\n    m = keras.Sequential()\n"
            "    m.compile(opt, 'mse')\n",
            "import keras\nopt = keras.optimizers.SGD()\nwhile x:\n    m = keras.Sequential()\n"
            "    m.compile(opt.from_config(opt.get_config()), 'mse')\n",
        ),
        (
            "import keras\nmodel.compile('sgd', 'logcosh', 'mae')\nre.compile('logcosh')\n",
            "import keras\nmodel.compile('sgd', 'log_cosh', ['mae'])\nre.compile('logcosh')\n",
        ),
        (
            "import keras\nmodel.save_weights('a')\nmodel.load_weights('a')\nx = {'a': 1}\n",
            "import keras\nmodel.save_weights('a.weights.h5')\n"
            "model.load_weights('a.weights.h5')\nx = {'a': 1}\n",
        ),
    ],
)
def test_a_line_becomes_what_keras_3_takes(old, new):
    assert rewriting.port(old) == (new, [])


@pytest.mark.parametrize(
    "code",
    [
        "def fit(lr=1, nb_epoch=2, **k):\n    pass\nimport keras\nfit(lr=1, nb_epoch=3)\n",
        "import keras\ndef run(K, tf):\n    return K.get_session(), tf.Session()\n",
        "import keras\nclass Net:\n    def fit_generator(self, g): pass\n    def go(self):\n"
        "        self.fit_generator(1)\n",
        "import numpy as np\nmodel.fit(x, workers=2)\nprint(history['acc'])\n",
        "import keras\nclassifier = sklearn()\nclassifier.predict_proba(x)\n",
        "import keras\nfor a, b in zip(x, y):\n    pass\n",
        "import keras\nopt = keras.optimizers.Adam(1e-4)\nmodel.compile(opt)\nmodel.compile(opt)\n",
        "import keras\nopt = keras.optimizers.Adam(1e-4)\nmodel.compile(opt)\nnet.compile(opt)\n"
        "opt.learning_rate = 1\n",
        "import keras\nfor i in x:\n    opt = keras.optimizers.SGD()\n    m = keras.Sequential()\n"
        "    m.compile(opt)\n",
        "import keras\nopt = keras.optimizers.SGD()\nm = keras.Sequential()\nfor i in x:\n"
        "    m.compile(opt)\n",
        "import keras\nopt = 'adam'\nmodel.compile(opt)\nnet.compile(opt)\n",
        "import keras\nopt = args.optimizer\nmodel.compile(opt)\nnet.compile(opt)\n",
        "import keras\ndef f():\n    opt = keras.optimizers.SGD()\ndef build(opt):\n"
        "    model.compile(opt)\nbuild('adam')\nbuild('sgd')\n",
        "import keras\ndef f():\n    opt = keras.optimizers.SGD()\n    a.compile(opt, 'mse')\n"
        "    b.compile(opt, 'mse')\ndef build(opt):\n    c.compile(opt, 'mse')\nbuild('sgd')\n",
        "import keras\nmodel.save('{}'.format(name))\nprint('{}'.format(3))\n",
        "import keras\nf = 'a.png'\nplt.savefig(f)\nf = 'a.h5'\nmodel.save(f)\n",
        "import keras\nbase.trainable = False\nbase.train_on_batch(x)\nbase.trainable = True\n",
        "import keras\nkeras.Input((3, bands, channels))\nkeras.Input((3, 8, 3))\n",
        "from keras.layers import Input, ConvLSTM1D\nx = ConvLSTM1D(4, 3)(Input((3, 10, 128)))\n",
    ],
)
def test_names_of_the_user_stay(code):
    assert rewriting.port(code) == (code, [])


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        ("import keras\n\nm.add(keras.layers.MaxoutDense(4))\n", 3, "MaxoutDense"),
        (
            "from keras import backend as K\nf = K.function([a], [b], updates=[c])\n",
            2,
            "keras.Model",
        ),
        (
            "import keras.backend as K\nf = K.function([a, K.learning_phase()], [b])\nf([x, 1])\n",
            3,
            "does not train",
        ),
        (
            "import tensorflow as tf, keras\ng = tf.get_default_graph()\nprint(g.version)\n",
            2,
            "graphs",
        ),
        (
            "import tensorflow as tf\nwith tf.Session() as s:\n    s.run(a)\n# keras\n",
            2,
            "sessions",
        ),
        (
            "from keras.models import Model\n\nModel(a, b).fit_generator(g, samples_per_epoch=9)\n",
            3,
            "divide",
        ),
        ("import keras.backend as K\nK.pool.pool_2d(x)\n", 2, "Theano"),
        ("import keras.backend as K\nK.control_flow_ops.merge([x])\n", 2, "TensorFlow 2"),
        (
            "from keras.layers import *\nx = Input(shape=(3, rows, 8))\nConv2D(4, 3)(x)\n",
            2,
            "if these are pictures",
        ),
        (
            "import keras\nd.trainable = False\nm = keras.Model(a, d(b))\nd.train_on_batch(x, y)\n",
            4,
            "d.trainable = True before",
        ),
        (
            "from keras.models import Model\nmodel = Model(a, b)\n"
            "model.save_weights('%s' % name)\n",
            3,
            "must end in .weights.h5",
        ),
    ],
)
def test_what_cannot_be_mended_is_listed_with_its_line(code, line, reason):
    _, findings = rewriting.port(code)
    assert [finding.line for finding in findings] == [line] and reason in findings[0].reason


def test_python_2_is_told_in_a_sentence():
    with pytest.raises(SyntaxError, match="this is Python 2") as error:
        rewriting.port("import keras\nprint 'loss', 3\n")
    assert error.value.lineno == 2


def test_removed_session_lines_leave_their_comments_and_the_memory_growth():
    code = (
        "import tensorflow as tf\nfrom keras.backend import set_session\n# GPU\n"
        "c = tf.ConfigProto()\nc.gpu_options.allow_growth = True\n"
        "set_session(tf.Session(config=c))\n"
    )
    new, findings = rewriting.port(code)
    assert findings == [] and "# GPU\n" in new and "Session" not in new
    assert "tf.config.experimental.set_memory_growth(gpu, True)" in new


def test_a_notebook_s_cell_with_a_magic_and_a_last_line_end_is_rewritten():
    source = "!ls\nfrom keras.optimizers import SGD\nSGD(lr=0.1)\n"
    for kept in (source, source.splitlines(keepends=True)):
        cell = {"cell_type": "code", "source": kept}
        new, findings = notebooks.port_notebook(json.dumps({"cells": [cell], "nbformat": 4}))
        assert findings == []
        assert "".join(json.loads(new)["cells"][0]["source"]) == source.replace(
            "lr=", "learning_rate="
        )
