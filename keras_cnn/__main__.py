"""``python -m keras_cnn``, the same as ``keras-cnn``."""

from keras_cnn.cli import main

raise SystemExit(main())
