#!/bin/sh
# Makes the shipped model of a run, and all files of the repository that its weights decide:
#
#     training/ship.sh RUN
#
# models/t6-stories.gguf, the fixtures shipped_t6 (float64) and recorded.json (the baseline kernels).
# It needs `npm run build`, and PyTorch for $PYTHON (python3 unless set).
set -eu
run=$(realpath "$1")
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=training
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m learn.export "$run" "$work/floats" --tokenizer training/tokenizer
printf '{"do_sample": true, "temperature": 0.7, "max_new_tokens": 600}\n' > "$work/floats/generation_config.json"
node dist/cli.js convert "$work/floats" --out models/t6-stories.gguf --dtype q8_0 --force
node dist/cli.js convert models/t6-stories.gguf --out "$work/codes"
"$python" -m measure.fixtures "$work/codes" test/fixtures/shipped_t6
node --import tsx test/fixtures/record-shipped.ts
