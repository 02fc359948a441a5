#!/bin/sh
# Ends with 0 only if the gate says yes now and the bundle verifies offline with what lies pinned beside this file. Anything else stops the job.
# Needs curl and python3 with cryptography; beside this file verify.py, and root.json (or jwks.json, an offline key bundle).
set -eu
: "${READINESS_URL:?}" "${READINESS_TOKEN:?}" "${PARTNER:?}" "${REFERENCE:?}" "${DEPLOY_TO:?}" "${ARTIFACT:?sha256: and 64 hex digits}"
: "${READINESS_ISSUER:=$READINESS_URL}" "${DEMANDS:=--max-age 72h --require-log --require-status --max-status-age 24h}"
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

stop() {
    echo "Stop: $1" >&2
    exit 1
}

# with FILE LINE [arguments]: a line of Python about d, the JSON object in FILE. Whatever else lies there, and whatever goes wrong, is a no.
with() {
    file=$1 line=$2
    shift 2
    python3 -c "
import json, re, sys
with open(sys.argv[1], encoding='utf-8') as file:
    d = json.load(file)
if not isinstance(d, dict):
    sys.exit(1)
$line" "$folder/$file" "$@" 2> "$folder/complaints"
}

# ask FILE PATH [curl options]: only a 200 is an answer. A redirect is not followed: whoever answers is whom you asked.
ask() {
    file=$1 path=$2
    shift 2
    status=$(printf 'Authorization: Token %s\n' "$READINESS_TOKEN" |
        curl --silent --show-error --max-time 20 --max-filesize 1048576 --header @- --output "$folder/$file" --write-out '%{http_code}' \
            "$@" "${READINESS_URL%/}$path") || stop "$path gave no answer."
    [ "$status" = 200 ] || stop "$path answered $status."
    with "$file" "pass" || stop "$path answered something else than a JSON object."
}

ask gate.json /api/v1/gate/ --get --data-urlencode "partner=$PARTNER" --data-urlencode "external_reference=$REFERENCE" \
    --data-urlencode "environment=$DEPLOY_TO" --data-urlencode "subject=$ARTIFACT"
with gate.json 'for each in d["blockers"]: print(ascii("Shut: %s To be cleared by: %s." % (each["detail"], each["clear_by"])))' >&2 || true
with gate.json 'sys.exit(d["may_launch"] is not True or d["verdict"] != "allow")' || stop "the gate does not say a plain yes."
request=$(with gate.json 'print(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", d["request"])[0])') || stop "the gate names no request."

ask bundle.json "/api/v1/review-requests/$request/bundle/"
if [ -f "$here/root.json" ]; then set -- --root "$here/root.json"; else set -- --jwks "$here/jwks.json"; fi
# shellcheck disable=SC2086  DEMANDS is a list of options
python3 "$here/verify.py" "$folder/bundle.json" "$@" --issuer "$READINESS_ISSUER" --environment "$DEPLOY_TO" --subject "$ARTIFACT" \
    $DEMANDS --json > "$folder/report.json" || {
    with report.json 'print(*d["reasons"])' >&2 || true
    stop "the receipt does not verify."
}
with report.json 'sys.exit(d["verified"] is not True or d["signed_payload"]["request_id"] != sys.argv[2])' "$request" ||
    stop "the receipt is not that of the request which the gate named."
echo "May launch to $DEPLOY_TO."
