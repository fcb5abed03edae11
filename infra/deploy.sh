#!/usr/bin/env bash
# Builds for Lambda and deploys to ENV. Called by `make deploy`.
# The first time in an account: GUIDED=1 make deploy ENV=staging asks for the parameters.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$ARCHITECTURE" in
  arm64) export PLATFORM=aarch64-manylinux_2_28 ;;
  x86_64) export PLATFORM=x86_64-manylinux_2_28 ;;
  *) echo "ARCHITECTURE is arm64 or x86_64, not $ARCHITECTURE" >&2; exit 2 ;;
esac
export RUNTIME SAM_CLI_TELEMETRY=0

# A folder for each target: sam's cache does not know what a layer was built for.
built=".aws-sam/$ENV-$RUNTIME-$ARCHITECTURE"
release=$(python -m infra.release)
parameters=("Environment=$ENV" "Runtime=$RUNTIME" "Architecture=$ARCHITECTURE" "Release=$release")

sam build --parallel --cached --cache-dir "$built/cache" --build-dir "$built/build" \
  --parameter-overrides "${parameters[@]}"
sam deploy --template-file "$built/build/template.yaml" --config-file "$PWD/samconfig.toml" \
  --config-env "$ENV" ${GUIDED:+--guided} --parameter-overrides "${parameters[@]}"
