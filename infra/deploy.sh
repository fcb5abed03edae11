#!/usr/bin/env bash
# Builds for Lambda and deploys to ENV. Called by `make deploy`.
# The first time, and for each change of a parameter: PARAMETERS=$HOME/staging.yaml make deploy ENV=staging.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$ARCHITECTURE" in
  arm64) machine=aarch64 ;;
  x86_64) machine=x86_64 ;;
  *) echo "ARCHITECTURE is arm64 or x86_64, not $ARCHITECTURE" >&2; exit 2 ;;
esac
# Lambda's Python 3.11 lives on Amazon Linux 2, whose C library is older than that of its successors.
case "$RUNTIME" in
  python3.11) export PLATFORM=$machine-manylinux2014 ;;
  *) export PLATFORM=$machine-manylinux_2_28 ;;
esac
if [ "$RUNTIME" != "python$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" ]; then
  echo "Note: the layers go without bytecode, because this is not $RUNTIME: cold starts are slower." >&2
fi
export RUNTIME SAM_CLI_TELEMETRY=0
# What all of AWS's tools go by; boto3 and sam know the second name only.
if [ -n "${AWS_REGION:-}" ]; then export AWS_DEFAULT_REGION=$AWS_REGION; fi
# Before anything is built: is there a target, is it free, and can what is given be meant?
chosen=$(python -m infra.destination "$ENV" ${PARAMETERS:+"$PARAMETERS"})

# A folder for each target: sam's cache does not know what a layer was built for.
built=".aws-sam/$ENV-$RUNTIME-$ARCHITECTURE"
release=$(python -m infra.release)
deployment=$(python -c 'import secrets; print(secrets.token_hex(32))')
# The later one wins: what samconfig.toml chooses, what is given, CANARY=false for a hotfix, and what is of this build.
parameters=()
while IFS= read -r pair; do
  if [ -n "$pair" ]; then parameters+=("$pair"); fi
done <<< "$chosen"
parameters+=(${PARAMETERS:+"file://$PARAMETERS"} ${CANARY:+"Canary=$CANARY"})
parameters+=("Runtime=$RUNTIME" "Architecture=$ARCHITECTURE" "Release=$release" "Deployment=$deployment")

sam build --parallel --cached --cache-dir "$built/cache" --build-dir "$built/build" \
  --parameter-overrides "${parameters[@]}"
sam deploy --template-file "$built/build/template.yaml" --config-file "$PWD/samconfig.toml" \
  --config-env "$ENV" --parameter-overrides "${parameters[@]}"
