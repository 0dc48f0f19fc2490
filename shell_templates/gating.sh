# gating.sh - what the supervisor does before the command may start: gates, the pinned input, the facts.
#
# reads   control/job  control/wrappers/  the input table
# writes  preflight.json  data_quality*  control/input/  control/input_start  context.json
# It ends the run as blocked (end_blocked of official_run.sh) at the first thing that is not as it must be.
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job, the rest from lib.sh and official_run.sh
# shellcheck disable=SC2034 # what is set here is read by official_run.sh

run_gate() { # NAME DEADLINE_S OUTPUT WRAPPER ARG… -> said
  local name=$1 deadline=$2 output=$3
  shift 3
  set -m
  (
    exec >"$output" 2>>"$attempt/$gate_log"
    (user_wrapper "$@") 8>&-
    printf '%s %s\n' "$name" $? >&8
  ) &
  set +m
  await "$name" $! "$deadline"
  [[ -z $ending ]] || end_blocked "$ending" "$name" 'stopped while the gate ran'
}

of_this_run() { # FILE: a whole record that names this run and its token
  whole_json "$1" && [[ $text == *"\"run_id\": $job_run_id_json"* && $text == *"\"token\": \"$job_token\""* ]]
}

gate_preflight() {
  local output=$attempt/control/preflight.out gate_log=run.log verdict=
  run_gate preflight "$job_preflight_deadline_s" "$output" preflight "$attempt"
  if [[ $said == 97 ]]; then
    setup_failed=yes
    run_gate preflight "$job_preflight_deadline_s" "$output" preflight "$attempt" 'setup.sh failed: its output is in run.log'
  fi
  if of_this_run "$output"; then
    [[ $text == *'"status": "pass"'* ]] && verdict=pass
    [[ $text == *'"status": "fail"'* ]] && verdict=${verdict:+both}fail
    replace preflight.json "$text" && flush preflight.json
  fi
  rm -f -- "$output"
  case $said/$verdict in
    0/pass) return ;;
    2/fail)
      # our own script wrote the list: it is taken over as it is
      reasons=${text#*\"reasons\": [} reasons=${reasons%%], \"memory_available_gb\"*}
      set -- 'preflight failed'
      ;;
    overdue/*) set -- "preflight was not done after $job_preflight_deadline_s s" ;;
    /*) set -- 'preflight was killed' ;;
    */)
      set -- "preflight ended with $said and wrote no valid record of this run"
      # a setup text that ends the shell leaves nothing else to see
      [[ -s setup.sh ]] && set -- "$1; setup.sh may have called exit: its output is in run.log"
      ;;
    *) set -- "preflight ended with $said, which disagrees with its record" ;;
  esac
  [[ $job_preflight_blocks == yes ]] || { log "not blocking: $1" && return; }
  end_blocked gate preflight "$1"
}

gate_data_quality() {
  local report=data_quality/data_quality_report.json gate_log=data_quality.log
  rm -rf -- data_quality
  : >data_quality.log
  run_gate data_quality "$job_dq_deadline_s" "$attempt/data_quality.log" data_quality "$attempt"
  if [[ $said == 0 ]] && of_this_run "$report" && [[ $text == *'"overall_pass": true'* && $text != *'"overall_pass": false'* ]]; then
    [[ $text =~ \"input_sha256\":\ \"([0-9a-f]{64})\" ]] && gated=${BASH_REMATCH[1]} && return
  fi
  case $said in
    0) set -- 'the data-quality gate ended with 0 and left no valid passing report of this run' ;;
    2)
      failed_checks
      set -- 'data quality failed'
      ;;
    overdue) set -- "the data-quality gate was not done after $job_dq_deadline_s s" ;;
    '') set -- 'the data-quality gate was killed' ;;
    *)
      # its last words say why
      set -- "$(tail -c 2000 data_quality.log | tail -n 1)"
      set -- "the data-quality gate could not run (it ended with $said): ${1#error: the data-quality gate did not run: }"
      ;;
  esac
  end_blocked gate data_quality "$1"
}

failed_checks() { # -> reasons(json): the lines of the gate that say FAIL, measured and required
  local line
  list=()
  while IFS= read -r line; do
    [[ $line == '  FAIL  '* ]] || continue
    line=${line#'  FAIL  '}
    while [[ $line == *'   '* ]]; do line=${line//'   '/'  '}; done
    list+=("${line//'  '/ }")
  done <data_quality.log
  ((${#list[@]} > 0)) || list=('its failures are in data_quality/data_quality_report.md')
  json_list "${list[@]}"
  reasons=${json:1:${#json}-2}
}

look_at_input() { # -> input_stat: what changes when somebody writes to the file or replaces it
  input_stat=$(stat -L -c '%s %.9Y %i' -- "$input_path" 2>/dev/null)
}

# The bytes that were gated are the bytes that the command opens. A hard link would show an edit
# in place, so a reflink or a copy.
pin_input() {
  local size=${input_stat%% *} pin=control/input/${input_path##*/}
  input_used=$input_path
  [[ -n $size ]] || end_blocked input_changed data_quality "the input is gone: $job_input"
  rm -rf -- control/input
  mkdir -p control/input || end_blocked gate data_quality 'cannot make control/input'
  if cp --reflink=always -- "$input_path" "$pin" 2>/dev/null; then
    input_used=$attempt/$pin
  elif ((size <= job_pin_limit)); then
    if ! cp --reflink=never -- "$input_path" "$pin" 2>>run.log; then
      [[ -e $input_path ]] || end_blocked input_changed data_quality "the input is gone: $job_input"
      end_blocked gate data_quality 'the input cannot be copied for the run: see run.log'
    fi
    input_used=$attempt/$pin
  fi
  if [[ $input_used != "$input_path" ]]; then
    chmod 0400 -- "$pin"
    digest_file "$pin" || end_blocked gate data_quality 'cannot read the pinned input'
    [[ -n $gated ]] || gated=$digest
    [[ $digest == "$gated" ]] || end_blocked input_changed data_quality 'the input changed after the check'
  fi
  # what the shim compares right before the start: the copy, or without one the original as it was
  # before it was hashed once more
  input_pin_stat=$(stat -L -c '%s %.9Y %i' -- "$input_used" 2>/dev/null)
  same_input || end_blocked input_changed data_quality 'the input changed after the check'
}

gate_input() {
  input_path=$job_input
  [[ $job_input == /* ]] || input_path=$job_root/$job_input
  [[ -f $input_path ]] && look_at_input
  [[ $job_dq == run ]] && gate_data_quality
  pin_input
  replace control/input_start "{\"path\": $job_input_json, \"sha256\": \"$gated\", \"check\": \"$input_check\"}"
}

same_input() { # is the original what was gated? By digest, above 10 GB by size, time and inode
  local then=$input_stat
  input_check=sha256
  if ((${then%% *} > 10000000000)); then
    input_check=stat
    look_at_input
    [[ $then == "$input_stat" ]]
    return
  fi
  digest_file "$input_path" || return 1
  [[ -n $gated ]] || gated=$digest
  [[ $digest == "$gated" ]]
}

# --- right before the start ----------------------------------------------------------------------

require_same_code() {
  local commit diff
  read_text preflight.json || return 0
  commit=unknown diff=null
  [[ $text =~ \"git_commit\":\ \"([0-9a-f]*)\" ]] && commit=${BASH_REMATCH[1]}
  [[ $text =~ \"diff_sha256\":\ \"([0-9a-f]*)\" ]] && diff=${BASH_REMATCH[1]}
  git_facts "$job_root" "$attempt"
  [[ $git_commit == "${commit:-unknown}" && ${git_diff:-null} == "$diff" ]] && return
  [[ $job_preflight_blocks == yes ]] && end_blocked code_changed preflight 'the code changed after preflight'
  log 'the code changed after preflight'
}

write_context() {
  local report='""' report_sha=null input_sha=null branch=null commit=null
  if [[ -e data_quality/data_quality_report.json ]] && digest_file data_quality/data_quality_report.json; then
    report='"data_quality/data_quality_report.json"' report_sha=\"$digest\"
  fi
  [[ -n $gated ]] && input_sha=\"$gated\"
  [[ -n $git_branch ]] && json_string "$git_branch" && branch=$json
  [[ $git_commit == unknown ]] || commit=\"$git_commit\"
  json_string "${HOSTNAME-}"
  utc
  allowed_cpus
  publish context.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"timestamp\": \"$now_utc\", \"hostname\": $json, \"git_branch\": $branch, \"git_commit\": $commit, \"workflow\": \"$job_workflow\", \"decision_tag\": \"$job_tag\", \"owner\": $job_owner_json, \"notes\": $job_notes_json, \"threads\": $job_threads, \"skip_data_quality_check\": $job_dq_skipped, \"data_quality_input_csv\": $job_input_json, \"data_quality_report_json\": $report, \"path_base\": {\"data_quality_report_json\": \"run_dir\", \"data_quality_input_csv\": \"$job_input_base\"}, \"data_quality_report_sha256\": $report_sha, \"data_quality_input_sha256\": $input_sha, \"cpus_allowed\": \"$cpus\", \"token\": \"$job_token\"}" ||
    [[ -e context.json ]] || die 74 'cannot write context.json'
}
