#!/bin/sh
# Makes sure that there is a Chromium for the browser tests: the system's, else Debian's package, else Playwright's own build.
set -eu
for program in chromium chromium-browser google-chrome; do
    if command -v "$program" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends chromium
else
    .venv/bin/playwright install chromium
fi
