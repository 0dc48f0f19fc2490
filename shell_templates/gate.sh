#!/usr/bin/env bash
# gate.sh - one gate by itself, without a run.
#
# request ROOT GATE(preflight, data_quality), then a tar.gz with control/ and its wrappers; lib.sh in front
# reply   done EXIT STDOUT STDERR REPORT | no_root PATH | cannot WHAT
# writes  nothing that stays, but what the gate itself writes
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce and words come from lib.sh

run_gate() { # SETUP ARG…: in the user's environment, behind the setup text unless SETUP is empty
  local setup=$1
  shift
  (
    restore_environment
    [[ -z $setup ]] || exec_behind_setup "$setup" "$folder/control/wrappers" "$gate" "$folder" "$@"
    exec_wrapper "$folder/control/wrappers" "$gate" "$folder" "$@"
  ) </dev/null >"$folder/out" 2>>"$folder/err" &
  wait $!
  status=$?
}

main() {
  local root gate folder status report
  read_request
  root=${words[0]} gate=${words[1]}
  cd -- "$root" 2>/dev/null || { reply no_root "$root" && exit; }
  folder=$(mktemp -d "${TMPDIR:-/tmp}/remoterun.XXXXXXXX") || { reply cannot 'make a temporary folder' && exit; }
  # shellcheck disable=SC2064 # the folder as it is now
  trap "rm -rf -- '$folder'" EXIT
  gzip -d -c | tar -x -C "$folder" -f - || { reply cannot 'unpack' && exit; }
  if [[ -s $folder/setup.sh ]]; then
    run_gate "$folder/setup.sh"
    # preflight says it in its own record
    [[ $status == 97 && $gate == preflight ]] && run_gate '' "setup.sh failed: $(tail -n 1 "$folder/err")"
  else
    run_gate ''
  fi
  # the engine names its report in the last line of its summary
  report=$(sed -n -e 's/^report: //p' <"$folder/out" | tail -n 1)
  [[ -n $report && -r $report ]] && report=$(head -c 4000000 -- "$report")
  reply 'done' "$status" "$(head -c 1000000 "$folder/out")" "$(head -c 20000 "$folder/err")" "$report"
}

main "$@"; exit
