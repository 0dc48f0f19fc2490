#!/usr/bin/env bash
# gate.sh - one gate by itself, without a run.
#
# request ROOT GATE(preflight, data_quality), then a tar.gz with control/ and its wrappers; lib.sh in front
# reply   done EXIT STDOUT STDERR REPORT | no_root PATH | cannot WHAT
# writes  nothing that stays, but what the gate itself writes
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce and words come from lib.sh

main() {
  local root gate folder status report
  read_request
  root=${words[0]} gate=${words[1]}
  cd -- "$root" 2>/dev/null || { reply no_root "$root" && exit; }
  folder=$(mktemp -d "${TMPDIR:-/tmp}/remoterun.XXXXXXXX") || { reply cannot 'make a temporary folder' && exit; }
  # shellcheck disable=SC2064 # the folder as it is now
  trap "rm -rf -- '$folder'" EXIT
  gzip -d -c | tar -x -C "$folder" -f - || { reply cannot 'unpack' && exit; }
  # shellcheck disable=SC2016 # for the new bash to expand
  (restore_environment && exec bash -c '. "$0/lib.sh" && gate=$1 && shift && . "$0/$gate.sh"' \
    "$folder/control/wrappers" "$gate" "$folder") \
    </dev/null >"$folder/out" 2>"$folder/err" &
  wait $!
  status=$?
  # the engine names its report in the last line of its summary
  report=$(sed -n -e 's/^report: //p' <"$folder/out" | tail -n 1)
  [[ -n $report && -r $report ]] && report=$(head -c 4000000 -- "$report")
  reply 'done' "$status" "$(head -c 1000000 "$folder/out")" "$(head -c 20000 "$folder/err")" "$report"
}

main "$@"; exit
