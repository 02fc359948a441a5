#!/bin/sh
# Backup and restore of both databases, each consistent in itself. docs/operations.md, "Backup", says what to do around it.
#   backup.sh dump FOLDER      writes FOLDER/primary.dump and FOLDER/self_service.dump, readable only by their maker
#   backup.sh restore FOLDER   restores both into the empty databases that the URLs name
#   backup.sh restore FOLDER primary|self_service   restores one of them
# DATABASE_URL and SELF_SERVICE_DATABASE_URL: as the roles that own the tables. pg_dump and pg_restore of the server's release or newer.
set -eu
umask 077

usage() { echo "usage: backup.sh dump FOLDER | restore FOLDER [primary|self_service]" >&2; exit 2; }
[ $# -ge 2 ] || usage
verb=$1 folder=$2 only=${3:-}
: "${DATABASE_URL:?is missing}" "${SELF_SERVICE_DATABASE_URL:?is missing}"

url() { case $1 in primary) echo "$DATABASE_URL" ;; self_service) echo "$SELF_SERVICE_DATABASE_URL" ;; *) usage ;; esac; }
schema() { case $1 in primary) echo public ;; self_service) echo self_service_drafts ;; esac; }

dump() {
    # Custom format, without owners and rights: provision sets those anew. Synced, and put in place only when it is whole.
    pg_dump --no-password --format=custom --no-owner --no-privileges --schema="$(schema "$1")" --file="$folder/$1.part" --dbname="$(url "$1")"
    pg_restore --list "$folder/$1.part" >/dev/null
    sync "$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1.dump"
    echo "$1: dumped"
}

restore() {
    [ -s "$folder/$1.dump" ] || { echo "$1: there is no dump in $folder" >&2; exit 1; }
    tables=$(psql --no-password --no-psqlrc --quiet --tuples-only --no-align --dbname="$(url "$1")" \
        --command="SELECT count(*) FROM pg_tables WHERE schemaname = '$(schema "$1")'")
    [ "$tables" = 0 ] || { echo "$1: the database is not empty; restore into a new one" >&2; exit 1; }
    # All of it or nothing. A schema that is there already, public for one, stays.
    pg_restore --list "$folder/$1.dump" | grep -v " SCHEMA - " >"$folder/$1.list"
    psql --no-password --no-psqlrc --quiet --dbname="$(url "$1")" --command="CREATE SCHEMA IF NOT EXISTS $(schema "$1")"
    pg_restore --no-password --single-transaction --exit-on-error --no-owner --no-privileges --use-list="$folder/$1.list" --dbname="$(url "$1")" "$folder/$1.dump"
    rm "$folder/$1.list"
    echo "$1: restored"
}

case $verb in
    dump) [ -z "$only" ] || usage; mkdir -p "$folder"; for side in primary self_service; do dump $side; done ;;
    restore) for side in ${only:-primary self_service}; do restore "$side"; done ;;
    *) usage ;;
esac
