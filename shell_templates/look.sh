# look.sh - what can be seen of runs, as words: for evidence.sh, monitor.sh, launch.sh and stop.sh.
#
# One look at any number of runs starts the same few processes: records are read by the shell
# itself, one `stat` asks for all sizes and times, /proc/locks answers for all locks that are held.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what lib.sh sets

attempt_in_force() { # RUN_DIR -> attempt: its directory; the highest that exists
  local folder number highest=1
  attempt=$1
  for folder in "$1"/attempts/*/; do
    folder=${folder%/}
    number=${folder##*/}
    case $number in '' | *[!0-9]*) continue ;; esac
    ((number > highest)) && highest=$number attempt=$folder
  done
}

see() { # KEY VALUE
  seen+=("$1" "$2")
}

see_file() { # KEY FILE: its text when it exists; `unreadable` when it cannot be read
  [[ -e $2 ]] || return 0
  if read_text "$2"; then see "$1" "$text"; else see unreadable "$1"; fi
}

progress_file_of() { # RUN_DIR -> progress_file
  progress_file=$1/${job_progress_file:-progress.json}
  [[ -e $progress_file || ! -e $1/tables/progress.json ]] || progress_file=$1/tables/progress.json
}

# -> fact_lines: "path size mtime inode device", of the files that move while a run goes on, in order
stat_all() { # ATTEMPT RUN_DIR pairs
  local lock_file line
  local -a paths
  paths=()
  while (($# > 0)); do
    lock_file_of "$1"
    read_values "$1/control/job" 2>/dev/null
    progress_file_of "$2"
    paths+=("$1/run.log" "$lock_file" "$progress_file" "$1/heartbeat.json")
    shift 2
  done
fact_lines=() next_fact=0
  while IFS= read -r line; do fact_lines+=("$line"); done <<<"$(stat -L -c '%n %s %Y %i %d' -- "${paths[@]}" 2>/dev/null)"
}

# Of one run at a time: to search one long text again and again costs more than all else together.
take_facts() { # RUN_DIR; in the order of stat_all -> facts
  local line lock_file
  lock_file_of "$attempt"
  facts=$'\n'
  while ((next_fact < ${#fact_lines[@]})); do
    line=${fact_lines[next_fact]}
    case $line in "$1/"* | "$lock_file "*) facts+=$line$'\n' ;; *) return ;; esac
    ((next_fact += 1))
  done
}

fact() { # PATH -> fact: "size mtime inode device", empty when the file is not there
  fact=
  [[ $facts == *$'\n'"$1 "* ]] || return 1
  fact=${facts#*$'\n'"$1 "}
  fact=${fact%%$'\n'*}
}

see_lock() { # ATTEMPT -> lock
  local lock_file inode device id
  lock_file_of "$1"
  lock=none
  fact "$lock_file" || { see lock none && return; }
  # shellcheck disable=SC2086 # four numbers
  set -- $fact "$lock_file"
  inode=$3 device=$4
  printf -v id '%02x:%02x:%s' $(((device >> 8) & 4095)) $(((device & 255) | ((device >> 12) & 1048320))) "$inode"
  if [[ $locks == *" $id "* ]]; then
    lock=held
    see lock held
    return
  fi
  # not listed is no proof (another pid namespace): ask the kernel, by a process of its own
  lock_word "$lock_file"
  see lock "$lock"
}

see_processes() { # counts and lists what is alive of the run
  local entry command word
  recorded_processes
  list_processes "$job_token" "$roots" "$sessions" ''
  for entry in $found; do
    read_stat "${entry%:*}" || continue
    command=
    { while IFS= read -r -d '' word; do command+="${command:+ }$word"; done <"/proc/${entry%:*}/cmdline"; } 2>/dev/null
    see process "${entry%:*} $stat_ppid $stat_ticks $stat_cpu $((stat_rss * 4096)) $stat_state ${command:0:300}"
  done
}

look() { # RUN_DIR DETAIL(yes, no) TAIL_BYTES -> appends to seen
  local run=$1 name alive=no ended=no pid
  see run "$run"
  [[ -d $run ]] || { see missing run_dir && see end '' && return; }
  attempt_in_force "$run"
  see attempt_dir "$attempt"
  take_facts "$run"
  see real_dir "$(cd -- "$attempt" 2>/dev/null && pwd -P)"
  job_token='' job_progress_file=''
  read_values "$attempt/control/job" 2>/dev/null || see unreadable control/job
  see token "$job_token"
  progress_file_of "$run"
  # first the lock, then the records: who let it go wrote all of them before
  see_lock "$attempt"
  for name in process.json control/exec control/shim_exit control/shim_lost.json exit_status.json \
    stop_request.json heartbeat.json preflight.json waivers.json; do
    [[ $name == exit_status.json && -e $attempt/$name ]] && ended=yes
    see_file "$name" "$attempt/$name"
  done
  for name in control/started artifacts.json result.json context.json data_quality.log; do
    [[ -e $attempt/$name ]] && see exists "$name"
  done
  if json_number "$attempt/process.json" pid && pid=$number && json_number "$attempt/process.json" start_ticks; then
    same_process "$pid" "$number" && alive=yes
  fi
  see supervisor_alive "$alive"
  fact "$attempt/run.log" && see log "$fact"
  fact "$attempt/heartbeat.json" && see heartbeat_stat "$fact"
  see_file stragglers "$attempt/control/stragglers"
  if fact "$progress_file"; then
    see progress_stat "$fact"
    ((${fact%% *} < 65536)) && see_file progress "$progress_file"
  fi
  if [[ -z $job_token ]]; then
    :
  elif [[ $2 == yes || (-e $attempt/control/exec && ! -e $attempt/exit_status.json && ($alive == no || $lock != held)) ]]; then
    (cd -- "$attempt" 2>/dev/null) && cd -- "$attempt" && see_processes
    see processes_counted yes
  fi
  # A supervisor may have come to life, and have ended, since the lock was looked at: once more in
  # the same order, so that a run is neither abandoned nor lost by a look at two moments.
  if [[ $lock != held && -e $attempt/control/started && $ended == no ]]; then
    lock_file_of "$attempt"
    lock_word "$lock_file"
    see lock "$lock"
    for name in control/exec control/shim_exit exit_status.json; do see_file "$name" "$attempt/$name"; done
    [[ -e $attempt/artifacts.json ]] && see exists artifacts.json
  fi
  (($3 > 0)) && [[ -r $attempt/run.log ]] && see tail "$(tail -c "$3" -- "$attempt/run.log" 2>/dev/null | base64 | tr -d '\n')"
  see end ''
}

look_at() { # DETAIL TAIL_BYTES RUN_DIR… -> seen
  local detail=$1 tail_bytes=$2 run line
  local -a pairs
  shift 2
  seen=() pairs=() locks=
  for run in "$@"; do
    attempt_in_force "$run"
    pairs+=("$attempt" "$run")
  done
  ((${#pairs[@]} == 0)) || stat_all "${pairs[@]}"
  # a supervisor locks for itself alone; READ is a look like this one, `->` somebody who waits
  { while IFS= read -r line; do [[ $line == *WRITE* && $line != *'->'* ]] && locks+=" $line "; done </proc/locks; } 2>/dev/null
  see now "$(date +%s)"
  read -r line _ </proc/uptime
  see uptime "$line"
  read_text /proc/sys/kernel/random/boot_id && see boot_id "$text"
  see hostname "${HOSTNAME-}"
  for run in "$@"; do look "$run" "$detail" "$tail_bytes"; done
}
