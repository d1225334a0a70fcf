#!/usr/bin/env bash
# Measure training on a fresh machine with a GPU, PyTorch and JAX, without TensorFlow: ten minutes.
#
#     benchmarks/gpu.sh [gpu.json] [--quick]
#
# What the package needs, except for TensorFlow, is installed if it is missing.
set -eu
file=gpu.json
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then file=$1; shift; fi
file=$(realpath -m "$file")
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
export TF_CPP_MIN_LOG_LEVEL=3

installed() { # the names of those packages that are installed
    "$python" -c "
import importlib.util, sys
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is not None])
" "$@"
}

packages="keras numpy PIL cv2 matplotlib pandas sklearn scipy h5py rich yaml"
if [ "$(installed $packages)" != "$packages" ]; then
    needed=$("$python" -c "
import configparser
settings = configparser.ConfigParser()
settings.read('setup.cfg')
needed = settings['options']['install_requires'].split()
print(*[entry for entry in needed if not entry.startswith('tensorflow')])
")
    "$python" -m pip install -q $needed
fi
backends=$(installed torch jax)
if [ -z "$backends" ]; then
    echo "PyTorch or JAX must be installed: run pip install torch, or pip install 'jax[cuda]'" >&2
    exit 2
fi
for backend in $backends; do
    KERAS_BACKEND=$backend "$python" benchmarks/gpu.py --json "$file" "$@"
done
