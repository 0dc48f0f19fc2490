#!/usr/bin/env bash
# official_run.sh - the supervisor: outlives the launch and the user's command, records how it ended.
#
# usage   job.sh                lib.sh, gating.sh and this text, in the directory of one attempt
# reads   control/job  control/argv  control/wrappers/  setup.sh  stop_request.json
# writes  control/started  pid.txt  process.json  run.log  preflight.json  data_quality*  context.json
#         heartbeat.json  exit_status.json, once; the rest of the ending is finalize.sh's
# exit    0 recorded (also: it had ended before); 75 this attempt is or was somebody else's
# needs   bash 3.2, flock, stat, cp, date, sync
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job
# shellcheck disable=SC2317 # every way through main ends in an exit of its own
# shellcheck disable=SC2034 # read by gating.sh

wrapper() { # NAME ARG…: in place of this process
  exec_wrapper "$attempt/control/wrappers" "$@"
}

# The same in the environment, the folder and behind the setup text of the user.
user_wrapper() { # NAME ARG…: in place of this process; 97 when the setup text failed
  unset REMOTERUN_SUPERVISOR_OF
  export REMOTERUN_RUN_DIR=$run REMOTERUN_ATTEMPT_DIR=$attempt REMOTERUN_RUN_ID=$job_run_id
  export REMOTERUN_TAG=$job_tag REMOTERUN_ATTEMPT=$job_attempt REMOTERUN_TOKEN=$job_token OUT_DIR=$run
  export REMOTERUN_REPORT_FILE=$attempt/control/report_file
  [[ -n $input_used ]] && export REMOTERUN_INPUT_CSV=$input_used
  export OMP_NUM_THREADS=$job_threads MKL_NUM_THREADS=$job_threads
  export OPENBLAS_NUM_THREADS=$job_threads NUMEXPR_NUM_THREADS=$job_threads
  cd -- "$job_root/$job_cwd" || exit 74
  restore_environment
  [[ -s $attempt/setup.sh && -z $setup_failed ]] || wrapper "$@"
  exec_behind_setup "$attempt/setup.sh" "$attempt/control/wrappers" "$@"
}

log() { # TEXT
  printf '[job] %s\n' "$1" >>"$attempt/run.log" 2>/dev/null
}

take_lock() { # -> fd 9
  local path=control/lock
  case $(stat -f -c %T . 2>/dev/null) in
    nfs* | cifs | smb* | afs | lustre | gpfs | beegfs | fuse*)
      # locks of a network file system are not to be trusted
      mkdir -p "/var/tmp/remoterun-$UID" && chmod 700 "/var/tmp/remoterun-$UID" && path=/var/tmp/remoterun-$UID/$job_token.$job_attempt
      replace control/lock_path "$path" || die 74 'cannot write control/lock_path'
      ;;
  esac
  exec 9>>"$path" || die 74 "cannot open $path"
  flock -w 10 9 || die 75 'another supervisor holds this attempt'
}

# Two attempts of a run never run side by side: who waited for the lock gives way to a later one,
# and a later one to an earlier one that is at work.
require_alone() {
  local folder number lock_file
  for folder in "$run/" "$run"/attempts/*/; do
    folder=${folder%/} number=${folder##*/}
    [[ $folder == "$run" ]] && number=1
    case $number in '' | *[!0-9]*) continue ;; esac
    ((number <= job_attempt)) || die 75 'a later attempt exists'
    lock_file_of "$folder"
    ((number < job_attempt)) && [[ -e $lock_file ]] || continue
    # what gives way does so within a moment
    flock -s -w 10 -- "$lock_file" true || die 75 'an earlier attempt is at work'
  done
}

begin() {
  local started=control/started count=1
  while [[ -e $started ]]; do ((count += 1)) && started=control/started.$count; done
  read_stat $$ || die 74 'no /proc on this host'
  my_ticks=$stat_ticks my_sid=$stat_sid
  read_text /proc/sys/kernel/random/boot_id
  boot_id=$text
  utc
  start_utc=$now_utc
  json_string "${HOSTNAME-}"
  local hostname=$json
  json_list bash "$attempt/job.sh"
  publish "$started" "{\"pid\": $$, \"start_ticks\": $my_ticks, \"boot_id\": \"$boot_id\", \"started_utc\": \"$start_utc\"}" ||
    die 74 "cannot write $started"
  replace process.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"pid\": $$, \"pgid\": $stat_pgid, \"sid\": $my_sid, \"start_ticks\": $my_ticks, \"start_utc\": \"$start_utc\", \"boot_id\": \"$boot_id\", \"hostname\": $hostname, \"argv\": $json, \"restart_count\": $((count - 1)), \"token\": \"$job_token\"}" ||
    die 74 'cannot write process.json'
  replace pid.txt $$ || die 74 'cannot write pid.txt'
  [[ $attempt == "$run" ]] || replace "$run/pid.txt" $$
  log "start_utc=$start_utc"
  # real bytes, given up for the record of the ending when the disk is full
  head -c 65536 /dev/zero | tr '\0' x >control/reserve 2>/dev/null
  count_oom_kills
  replace control/oom_kills "$oom_kills"
  # control/sessions grows with each session that a descendant opens
  sessions="$my_sid:$my_ticks " spared="$$:$my_ticks " roots="$$:$my_ticks "
}

# --- while something of the run goes on ----------------------------------------------------------

beat() { # the heartbeat, and the sessions in which descendants live: they stay known after a parent died
  local entry cpu=0 rss=0 count=0
  list_processes "$job_token" "$roots" "$sessions" "$spared"
  for entry in $found; do
    read_stat "${entry%:*}" || continue
    ((count += 1, cpu += stat_cpu, rss += stat_rss * 4096))
    note_session
  done
  ((seq += 1, next_beat = up_s + 30))
  local cpu_pct=0 passed=$((up_s - beat_up))
  ((passed > 0 && cpu >= beat_cpu)) && cpu_pct=$(((cpu - beat_cpu) * 100 / (passed * ticks_per_s)))
  beat_cpu=$cpu beat_up=$up_s
  utc
  replace heartbeat.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"written_utc\": \"$now_utc\", \"seq\": $seq, \"pid\": $$, \"children\": $count, \"cpu_pct\": $cpu_pct, \"rss_bytes\": $rss}"
}

note_session() { # of the process that read_stat just read; with the birth of its leader
  local sid=$stat_sid
  case " $sessions" in *" $sid:"*) return ;; esac
  if read_stat "$sid"; then sessions+="$sid:$stat_ticks "; else sessions+="$sid:0 "; fi
  replace control/sessions "$sessions"
}

note_stop() { # a plain `kill` of the supervisor is a stop like any other, by nobody we know
  [[ $ending == stop && ! -e stop_request.json ]] || return
  utc
  publish stop_request.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"requested_utc\": \"$now_utc\", \"actor\": null, \"reason\": \"signal to the supervisor\", \"signal\": \"TERM\", \"grace_sec\": $job_stop_grace_s}"
}

press() { # end what runs: TERM once to each process, after the grace KILL until nothing is left
  if [[ -z $pressed_up ]]; then
    pressed_up=$up_s
    note_stop
    [[ $ending == stop ]] && json_number stop_request.json grace_sec && [[ -n $number ]] && job_stop_grace_s=$number
    log "ending the run: $ending"
  fi
  list_processes "$job_token" "$roots" "$sessions" "$spared"
  if ((up_s - pressed_up >= job_stop_grace_s)); then
    signal_processes KILL "$found"
    return
  fi
  local entry fresh=
  for entry in $found; do
    case " $termed" in *" $entry "*) ;; *) fresh+="$entry " ;; esac
  done
  termed+=$fresh
  signal_processes TERM "$fresh"
}

tend() { # one tick
  uptime
  ((up_s >= next_beat)) && beat
  if [[ -z $ending && -n $limit_up ]] && ((up_s >= limit_up)); then ending=time_limit; fi
  [[ -z $ending ]] || press
}

await() { # NAME PID DEADLINE_S (0: none) -> said: what the child told, empty when it ended without a word
  local name=$1 pid=$2 word until=
  said=
  uptime
  (($3 > 0)) && until=$((up_s + $3))
  while :; do
    word=
    IFS= read -r -t 1 -u 8 word
    case $word in "$name "*) said=${word#"$name "} && return ;; esac
    tend
    if [[ -n $until ]] && ((up_s >= until)); then
      list_processes "$job_token" "$roots" "$sessions" "$spared"
      signal_processes KILL "$found"
    fi
    read_stat "$pid" && [[ $stat_ppid == "$$" && $stat_state != [ZX] ]] && continue
    while word= && IFS= read -r -t 1 -u 8 word; do
      case $word in "$name "*) said=${word#"$name "} && return ;; esac
    done
    [[ -n $until ]] && ((up_s >= until)) && said=overdue
    return
  done
}

# --- the start and the ending of the command -----------------------------------------------------

run_command() {
  [[ -e stop_request.json ]] && ending=stop
  [[ -z $ending ]] || end_blocked "$ending" none 'stopped before the command was started'
  set -m
  (user_wrapper shim "$attempt" "$input_pin_stat") >>run.log 2>&1 &
  set +m
  local shim=$!
  read_stat "$shim" && spared+="$shim:$stat_ticks " roots+="$shim:$stat_ticks "
  uptime
  next_beat=$((up_s + 3)) # early, for whoever watches the start
  ((job_time_limit_s > 0)) && limit_up=$((up_s + job_time_limit_s))
  await shim "$shim" 0
  wait "$shim" 2>/dev/null
  limit_up=
  case $said in
    'refused stop') end_blocked stop none 'stopped before the command was started' ;;
    'refused input_changed') end_blocked input_changed data_quality 'the input changed after the check' ;;
    'refused no_interpreter') end_blocked no_interpreter none 'no python on this host: neither .venv/bin/python nor python3 nor python' ;;
    refused*) end_blocked gate preflight "the command was not started: ${said#refused }" ;;
  esac
  if [[ ! -e control/exec ]]; then
    log 'the shim ended before it started the command: nothing ran, this attempt can be started again'
    exit 75
  fi
  [[ -e control/shim_exit ]] || end_lost
}

# The shim was killed, so nobody can wait for the command: what it ended with is not known.
end_lost() {
  log 'the shim is gone: how the command ends will not be known'
  while :; do
    tend
    list_processes "$job_token" "$roots" "$sessions" "$spared"
    [[ -n $found ]] || break
    IFS= read -r -t 2 -u 8 _
  done
  utc
  publish control/shim_lost.json "{\"observed_utc\": \"$now_utc\", \"recorded_by\": \"supervisor\"}"
  replace pid.txt ''
  exit 0
}

end_blocked() { # REASON GATE TEXT; reasons(json items) where there are more: the command never starts
  local state=preflight_fail reason=$1 gate=\"$2\"
  case $1/$2 in
    stop/*) state=stopped reason=stop_requested ;;
    no_interpreter/*) state=fail ;;
    */data_quality) state=dq_fail ;;
  esac
  [[ $2 == none || $reason == stop_requested ]] && gate=null
  log "not started: $3"
  json_list "$3"
  [[ -z $reasons ]] || json="[$reasons]"
  publish_ending supervisor "$state" "$reason" null null "$gate" "$json"
  leave
}

leave() { # the rest of the ending is finalize.sh's
  note_stop
  (wrapper finalize "$attempt" supervisor "${ending:-none}") </dev/null >/dev/null 2>&1 8>&- 9>&-
  replace pid.txt ''
  [[ $attempt == "$run" ]] || replace "$run/pid.txt" ''
  exit 0
}

main() {
  cd -- "${0%/*}" || die 74 'no attempt directory'
  attempt=$(pwd -P)
  read_values control/job || die 64 'control/job is unreadable'
  ending='' pressed_up='' termed='' limit_up='' setup_failed='' reasons='' seq=0 next_beat=0 beat_cpu=0 beat_up=0
  gated='' input_used='' input_path='' input_stat='' input_pin_stat=''
  run=$job_root/$job_run_path ticks_per_s=$(getconf CLK_TCK 2>/dev/null || printf 100)
  take_lock
  [[ -e exit_status.json ]] && exit 0
  require_alone
  if [[ -e control/exec ]]; then
    utc
    publish "control/requeue_refused.$$" "{\"observed_utc\": \"$now_utc\"}"
    die 75 'this attempt was started before; it never starts again'
  fi
  # The wake-up pipe: read with a limit it is the clock of the supervisor, without a process that
  # ticks and would keep the lock after the supervisor died.
  exec 8<> <(:)
  trap 'ending=${ending:-stop}; printf "\n" >&8' TERM INT
  trap 'ending=${ending:-time_limit}; printf "\n" >&8' USR1
  trap 'log "SIGHUP, survived"' HUP
  begin
  [[ -e stop_request.json ]] && end_blocked stop none 'stopped before it began'
  uptime
  beat
  gate_preflight
  [[ -z $job_input ]] || gate_input
  require_same_code
  (wrapper finalize "$attempt" before none) </dev/null >/dev/null 2>&1 8>&- 9>&-
  write_context
  run_command
  leave
}

main "$@"; exit
