#!/usr/bin/env bash
# shim.sh - start the user's command once, wait for it, record how it ended: the second witness.
#
# usage   shim.sh ATTEMPT PIN_STAT          called by the supervisor, lib.sh in front
#         shim.sh ATTEMPT ended WORD N      the same process, after waiter.py or waiter.pl waited
# reads   control/job  control/argv         the command's words, each ended by a NUL: data
# writes  control/exec                      once, before the command starts: this attempt never starts again
#         run.log  control/shim_exit        its output; once, the status that was waited for
#         exit_status.json and the rest     only when the supervisor is gone
# tells   the supervisor, on descriptor 8: `shim ended`, or `shim refused WHY`
# exit    0 recorded; 74 cannot write; 75 refused, the command was not started
# needs   bash 3.2; python3 or perl, to tell a signal from an exit code above 128
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job

tell() { # TEXT
  printf 'shim %s\n' "$1" >&8 2>/dev/null
}

refuse() { # WHY
  tell "refused $1"
  exit 75
}

find_program() { # -> program: word 0, where a leading `python` means the project's own
  program=${list[0]}
  [[ $program == python ]] || return 0
  local path=$PATH candidate
  PATH=$user_path
  for candidate in "$job_root/.venv/bin/python" python3 python; do
    program=$(command -v -- "$candidate") && break
    program=
  done
  PATH=$path
  [[ -n $program ]] || refuse no_interpreter
}

choose_waiter() { # -> waiter: who waits for the command; empty when only bash can
  # the system's own first, and tried out: a broken environment must not cost the record
  for waiter in "/usr/bin/python3 -I -S waiter.py" "python3 -I -S waiter.py" "perl waiter.pl"; do
    case $waiter in
      perl*) set -- perl -MPOSIX -e 1 ;;
      *) set -- "${waiter%% *}" -I -S -c 'import os, signal' ;;
    esac
    # by its path: the user's own may lead elsewhere
    set -- "$(command -v -- "$1")" "${@:2}"
    if [[ -n $1 ]] && "$@" >/dev/null 2>&1; then
      waiter="$1 ${waiter#* }"
      return
    fi
  done
  waiter=
}

start_command() { # ATTEMPT PIN_STAT
  local waiter
  # Signals that end the run go to the command; its witness stays. Ignored and not trapped, so that
  # the next program in this process ignores them too; the waiters give the command the defaults.
  trap '' HUP INT QUIT TERM USR1 USR2
  read_list control/argv
  digest_file control/argv && [[ $digest == "$job_argv_sha256" && ${#list[@]} -eq $job_argv_count ]] ||
    refuse 'control/argv is not what the manifest says'
  find_program
  choose_cpus
  choose_waiter
  if [[ -n $2 && $(stat -L -c '%s %.9Y %i' -- "${REMOTERUN_INPUT_CSV-}" 2>/dev/null) != "$2" ]]; then
    refuse input_changed
  fi
  [[ -e stop_request.json ]] && refuse stop
  read_stat $$ || refuse 'no /proc on this host'
  json_string "$program"
  utc
  if ! publish control/exec "{\"pid\": $$, \"start_ticks\": $stat_ticks, \"program\": $json, \"cpus\": \"$cpus\", \"started_utc\": \"$now_utc\", \"token\": \"$job_token\"}"; then
    [[ -e control/exec ]] && refuse 'this attempt was started before'
    refuse 'control/exec cannot be written'
  fi

  list[0]=$program
  local wrappers=$1/control/wrappers
  if [[ -n $waiter ]]; then
    restore_environment
    cd -- "$job_root/$job_cwd" || exit 74
    shopt -s execfail
    # shellcheck disable=SC2086 # a program and its options
    exec $pinned ${waiter% *} "$wrappers/${waiter##* }" "$1" "${list[@]}" </dev/null >>"$1/run.log" 2>&1
    # its words and the environment may be too long for one more program
    take_environment
    cd -- "$1" || exit 74
  fi
  wait_in_bash "$1"
}

# all: no pinning; auto: as many of the CPUs that we may use as the run has threads, from a place
# that differs from run to run; else a list that is tried out before anything is started.
choose_cpus() { # -> pinned, cpus
  local cpu first index=0
  local -a all
  pinned=
  allowed_cpus
  case $job_cpuset in '' | all) return ;; esac
  expand_cpus "$cpus" || refuse 'the CPUs that this process may use are not known'
  all=("${expanded[@]}")
  if [[ $job_cpuset == auto ]]; then
    ((job_threads < ${#all[@]})) || return
    first=$((16#${job_token:0:6} % ${#all[@]})) cpus=
    while ((index < job_threads)); do
      cpus+=${cpus:+,}${all[(first + index) % ${#all[@]}]}
      ((index += 1))
    done
  else
    # the kernel would take what it can of a list and say nothing of the rest
    expand_cpus "$job_cpuset" || refuse "$job_cpuset is no list of CPUs"
    for cpu in "${expanded[@]}"; do
      [[ " ${all[*]} " == *" $cpu "* ]] || refuse "this process may not use CPU $cpu, only $cpus"
    done
    cpus=$job_cpuset
  fi
  command -v taskset >/dev/null 2>&1 || refuse 'taskset, which pins to CPUs, is missing on this host'
  taskset -c "$cpus" true >/dev/null 2>&1 || refuse "this process may not use the CPUs $cpus"
  pinned="taskset -c $cpus"
}

expand_cpus() { # 0-3,8 -> expanded
  local part first last
  expanded=()
  # shellcheck disable=SC2086 # comma to blank, to be split
  for part in ${1//,/ }; do
    first=${part%-*} last=${part#*-}
    [[ $first =~ ^[0-9]{1,5}$ && $last =~ ^[0-9]{1,5}$ ]] || return 1
    while ((10#$first <= 10#$last)); do
      expanded+=("$((10#$first))")
      first=$((10#$first + 1))
    done
  done
  ((${#expanded[@]} > 0))
}

# Neither python3 nor perl: 137 may then be an exit code or a death by SIGKILL, and `signal` stays null.
wait_in_bash() { # ATTEMPT
  # With `set -m` a job of its own. In the background: bash takes the death of its foreground job by
  # SIGINT for one of its own. We ignore what a trap would catch, so nothing interrupts the `wait`.
  set -m
  # shellcheck disable=SC2086
  (trap - HUP INT QUIT TERM USR1 USR2 && cd -- "$job_root/$job_cwd" && restore_environment && exec $pinned "${list[@]}") \
    </dev/null >>run.log 2>&1 8>&- &
  wait $! 2>/dev/null
  local status=$?
  set +m
  record_end "$1" unknown "$status"
}

record_end() { # ATTEMPT WORD N: exit, signal, or unknown where bash waited
  local code=$3 signal=null pid
  [[ $2 == signal ]] && code=$((128 + $3)) signal=$3
  utc
  publish control/shim_exit "{\"exit_code\": $code, \"signal\": $signal, \"end_utc\": \"$now_utc\", \"token\": \"$job_token\"}" ||
    [[ -e control/shim_exit ]] || exit 74
  # what the command left behind loses its parent with us: its sessions stay known
  read_stat $$
  list_processes "$job_token" "$$:$stat_ticks" '' ''
  local entry left=
  for entry in $found; do
    read_stat "${entry%:*}" || continue
    pid=$stat_sid
    if read_stat "$pid"; then left+="$pid:$stat_ticks "; else left+="$pid:0 "; fi
  done
  [[ -z $left ]] || replace control/sessions_left "$left"
  json_number process.json pid && pid=$number && json_number process.json start_ticks
  if same_process "$pid" "$number"; then
    tell ended
    return
  fi
  # The supervisor is gone: the ending is ours to record.
  # shellcheck disable=SC2016
  exec bash -c '. "$0/lib.sh" && . "$0/finalize.sh"' "$1/control/wrappers" "$1" shim none </dev/null >/dev/null 2>&1 8>&-
}

main() { # ATTEMPT …
  cd -- "$1" || die 74 "no attempt directory: $1"
  read_values control/job || die 64 'control/job is unreadable'
  if [[ $2 == ended ]]; then
    record_end "$1" "$3" "$4"
  else
    start_command "$@"
  fi
}

main "$@"; exit
