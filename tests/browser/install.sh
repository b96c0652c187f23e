#!/bin/sh
# Debian's Chromium and its driver, for `make browser`. Where they cannot be had, the tests are skipped and say so.
set -eu
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "browser tests are skipped: install chromium and chromium-driver (needs root and apt-get)"
    exit 0
fi
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium chromium-driver fonts-dejavu-core; } >/dev/null 2>&1; then
    echo "browser tests are skipped: apt-get could not install chromium and chromium-driver"
fi
