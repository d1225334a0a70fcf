#!/usr/bin/env bash
# Measure training on a fresh machine with a GPU, PyTorch and JAX, without TensorFlow: ten minutes.
#
#     benchmarks/gpu.sh [gpu.json] [--quick]
#
# What the package needs, except for TensorFlow, is installed if it is missing.
set -eu
cd "$(dirname "$0")/.."
file=gpu.json
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then file=$1; shift; fi
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
export TF_CPP_MIN_LOG_LEVEL=3
if ! "$python" -c "import keras_cnn.images.generator" 2>/dev/null; then
    "$python" -c "
import configparser
settings = configparser.ConfigParser()
settings.read('setup.cfg')
needed = settings['options']['install_requires'].split()
print(*[entry for entry in needed if not entry.startswith('tensorflow')], sep='\n')
" >needed.txt
    "$python" -m pip install -q -r needed.txt
    rm needed.txt
fi
"$python" -c "
import importlib.util
for name in ('torch', 'jax'):
    if importlib.util.find_spec(name) is not None:
        print(name)
" | while read -r backend; do
    KERAS_BACKEND=$backend "$python" benchmarks/gpu.py --json "$file" "$@"
done
