#!/usr/bin/env bash
# monitor.sh - the looks of evidence.sh as a stream, with new log bytes, until nothing more can come.
#
# request RUN_DIR UNTIL(once, gates, end) OFFSET DETAIL   lib.sh and look.sh stand in front; OFFSET: log bytes
#         already known, -N for the last N, ~N the same for a viewer, who may miss what is written
#         faster than it is sent, empty for no log at all
# reply   frames: the words of look.sh, then log_offset and log (base64) where there are new bytes;
#         the last one ends with the words `done` and why
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce, words and seen come from lib.sh and look.sh

chunk=65536

add_log() { # -> appends new bytes to seen, at most one chunk; moves offset
  local size bytes
  more=
  [[ -n $offset ]] || return 0
  fact "$attempt/run.log" || return 0
  size=${fact%% *}
  if ((offset < 0)); then offset=$((size + offset > 0 ? size + offset : 0)); fi
  ((size > offset)) || return 0
  if [[ -n $viewer ]] && ((size - offset > 16 * chunk)); then offset=$((size - chunk)); fi
  bytes=$((size - offset > chunk ? chunk : size - offset))
  see log_offset "$offset"
  see log_bytes "$(tail -c "+$((offset + 1))" -- "$attempt/run.log" | head -c "$bytes" | base64 | tr -d '\n')"
  ((offset += bytes))
  ((offset < size)) && more=yes
}

finished() { # -> why; nothing more can come from this run, or the gates are done
  local index lock=''
  for ((index = 0; index < ${#seen[@]}; index += 2)); do
    [[ ${seen[index]} == lock ]] && lock=${seen[index + 1]}
  done
  why=
  if [[ ! -d $run ]]; then
    why=missing
  elif [[ $until == once ]]; then
    why=asked
  elif [[ -e $attempt/exit_status.json && (-e $attempt/artifacts.json || $lock != held) ]]; then
    why=ended
  elif [[ $until == gates && -e $attempt/control/exec ]]; then
    why=started
  elif [[ $lock != held ]]; then
    # between the launch and the lock there is a moment; twice free is an answer
    ((idle += 1))
    ((idle > 2)) && why=idle
    return
  fi
  idle=0
}

signature() { # -> now_signature: moves when something of the run moved; one process
  now_signature=$(stat -L -c '%n %s %Y %i' -- "$attempt/run.log" "$attempt/heartbeat.json" "$progress_file" \
    "$attempt/exit_status.json" "$attempt/artifacts.json" "$attempt/control/exec" "$attempt/preflight.json" \
    "$attempt/stop_request.json" "$run/attempts" 2>/dev/null)
}

main() {
  local run until offset detail why='' idle=0 viewer='' more='' waited=0 before=''
  read_request
  run=${words[0]} until=${words[1]} offset=${words[2]} detail=${words[3]}
  [[ $offset == '~'* ]] && viewer=yes offset=-${offset#'~'}
  while :; do
    attempt_in_force "$run"
    # taken before the look: what moves while we look is news afterwards
    progress_file_of "$run"
    signature
    before=$now_signature waited=0
    look_at "$detail" 0 "$run"
    add_log
    finished
    # the rest of the log is waited for at the end of a run, not when its gates have passed
    [[ $why == started ]] && more=
    [[ -z $why || -n $more ]] || see 'done' "$why"
    reply "${seen[@]}" || exit 0
    [[ -n $more ]] && continue
    [[ -n $why ]] && exit 0
    # a tick without news costs a sleep and a stat; a frame at least every 5 s shows that we live
    while ((waited < 25)); do
      sleep 0.2
      signature
      [[ $now_signature != "$before" || $idle -gt 0 ]] && break
      ((waited += 1))
    done
  done
}

main "$@"; exit
