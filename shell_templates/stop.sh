#!/usr/bin/env bash
# stop.sh - end every process of a run and no other; the answer is what is seen afterwards.
#
# request RUN_DIR GRACE_S STOP_REQUEST(json)    lib.sh and look.sh stand in front
# writes  stop_request.json, once
# reply   elsewhere: this is not where the run was started | left N, then the words of look.sh
# The supervisor does it where one lives; here only when none does, or when it does not answer.
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce, words, seen and what recorded_processes reads

left_over() { # -> found: every process of the run but its supervisor and shim
  list_processes "$job_token" "$roots" "$sessions" "$spared"
}

sweep() { # GRACE_S: until two sweeps are empty
  local until empty=0
  uptime
  until=$((up_s + $1))
  left_over
  signal_processes TERM "$found"
  while ((empty < 2)); do
    left_over
    if [[ -z $found ]]; then ((empty += 1)); else empty=0; fi
    uptime
    ((up_s >= until)) && signal_processes KILL "$found"
    ((up_s >= until + 60)) && return
    sleep 0.2
  done
}

# Signals to what a copied or moved directory names would hit a run that lies elsewhere.
require_home() {
  [[ -e process.json ]] || return 0
  json_list bash "$(pwd -P)/job.sh"
  read_text process.json && [[ $text == *"\"argv\": $json"* ]] && return
  reply elsewhere
  exit
}

supervisor_lives() {
  json_number process.json pid && pid=$number && json_number process.json start_ticks && same_process "$pid" "$number"
}

witness_lives() { # supervisor or shim
  local entry
  for entry in $spared; do same_process "${entry%:*}" "${entry#*:}" && return; done
  return 1
}

ended() { # recorded, and nobody at work on it any more
  lock_word "$lock_file"
  [[ $lock != held ]]
}

main() {
  local run grace pid='' until lock_file
  read_request
  run=${words[0]} grace=${words[1]}
  [[ -d $run ]] || { reply left 0 run "$run" missing run_dir end '' && exit; }
  attempt_in_force "$run"
  cd -- "$attempt" || die 74 "cannot enter $attempt"
  read_values control/job || die 64 'control/job is unreadable'
  lock_file_of "$attempt"
  if [[ ! -e exit_status.json ]]; then
    require_home
    publish_once stop_request.json "${words[2]}" || [[ -e stop_request.json ]] || die 74 'cannot write stop_request.json'
    if supervisor_lives; then
      kill -TERM "$pid" 2>/dev/null
      uptime
      until=$((up_s + grace + 20))
      while supervisor_lives && ! ended && ((up_s < until)); do
        sleep 0.1
        uptime
      done
    fi
    recorded_processes
    if ! supervisor_lives || ! ended; then
      supervisor_lives && grace=0
      sweep "$grace"
      uptime
      until=$((up_s + 20))
      # the shim, if it lives, records what it waited for
      while ! ended && ((up_s < until)); do
        sleep 0.2
        uptime
      done
    fi
  else
    # who recorded the end also ends what is left, while one of them lives
    recorded_processes
    uptime
    until=$((up_s + grace + 20))
    while witness_lives && ! ended && ((up_s < until)); do
      sleep 0.1
      uptime
    done
    left_over
    [[ -z $found ]] || sweep "$grace"
  fi
  recorded_processes
  left_over
  local -a left
  # shellcheck disable=SC2206 # words of our own
  left=($found)
  look_at no 0 "$run"
  reply left "${#left[@]}" "${seen[@]}"
}

main "$@"; exit
