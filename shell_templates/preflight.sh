#!/usr/bin/env bash
# preflight.sh - gate: is this host fit, and which code is it? Prints one JSON object, pass or fail.
#
# usage   preflight.sh ATTEMPT [FAILED]  in the project's folder; FAILED: a reason found before
# reads   control/job  control/git_exclude
# exit    0 pass; 2 fail; 1 usage error (no JSON)
# needs   bash 3.2, nproc, df, stat; git and nvidia-smi where they are asked about
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job

check() { # NAME WANTED MEASURED WORD: appends to checks and reasons; WANTED empty: not asked
  local result=null
  if [[ -n $2 ]]; then
    case $4 in
      ok) result=true ;;
      *)
        result=false
        json_string "$3"
        reasons+="${reasons:+, }$json"
        ;;
    esac
  fi
  checks+="${checks:+, }\"$1\": $result"
}

at_least() { # NAME MEASURED MINIMUM UNIT: whole numbers; a minimum of 0 asks for nothing
  local word=ok
  if [[ -z $2 ]]; then word=no; elif (($2 < $3)); then word=no; fi
  (($3 > 0)) || { check "$1" '' '' '' && return; }
  check "$1" yes "$1: ${2:-not measurable}${2:+ $4} of at least $3 $4 required" "$word"
}

measure_cores() { # -> cores
  # nproc believes OMP_NUM_THREADS, which is ours
  cores=$(unset OMP_NUM_THREADS OMP_THREAD_LIMIT; nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null)
}

measure_memory() { # -> memory_gb memory_available_gb; whole GiB, cut
  local name value
  memory_gb='' memory_available_gb=''
  while read -r name value _; do
    case $name in
      MemTotal:) memory_gb=$((value / 1048576)) ;;
      MemAvailable:) memory_available_gb=$((value / 1048576)) ;;
    esac
  done </proc/meminfo 2>/dev/null
}

measure_disk() { # -> disk_free_gb
  local line
  disk_free_gb=
  line=$(df -P -k . 2>/dev/null | tail -n 1)
  # shellcheck disable=SC2086 # columns
  set -- $line
  [[ ${4-} =~ ^[0-9]+$ ]] && disk_free_gb=$(($4 / 1048576))
}

measure_gpus() { # -> gpus(json) gpu_count; null where there is no way to ask
  local name
  gpus=null gpu_count=
  command -v nvidia-smi >/dev/null 2>&1 || return
  local -a names
  names=()
  while IFS= read -r name; do [[ -n $name ]] && names+=("$name"); done < <(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null)
  gpu_count=${#names[@]}
  json_list ${names[@]+"${names[@]}"}
  gpus=$json
}

find_other_runs() { # -> others(json) other_count: directories whose supervisor holds its lock
  local folder name attempt lock_file
  local -a names
  names=()
  for folder in "$job_root/$job_runs_path"/*/; do
    folder=${folder%/}
    name=${folder##*/}
    [[ -e $folder/control/job && $folder != "$job_root/$job_run_path" ]] || continue
    [[ -e $folder/artifacts.json && ! -d $folder/attempts ]] && continue
    lock_file_of "$folder"
    for attempt in "$folder"/attempts/*/; do [[ -e $attempt/control/job ]] && lock_file_of "${attempt%/}"; done
    lock_word "$lock_file"
    [[ $lock == held ]] && names+=("$name")
  done
  other_count=${#names[@]}
  json_list ${names[@]+"${names[@]}"}
  others=$json
}

weigh_load() { # -> load; thousandths decide
  local per_core
  read -r load _ </proc/loadavg || load=
  [[ -n $job_max_load_per_core ]] || { check load '' '' '' && return; }
  [[ -n $load && -n $cores ]] || { check load yes 'load: not measurable' no && return; }
  per_core=$((10#${load%.*}${load#*.} * 10 / cores))
  if ((per_core <= job_max_load_thousandths)); then
    check load yes '' ok
  else
    check load yes "load: $load over $cores cores, at most $job_max_load_per_core for each is allowed" no
  fi
}

main() { # ATTEMPT [FAILED]
  local reasons='' checks='' status=pass branch=null commit=null diff=null word
  read_values "$1/control/job" || die 1 'control/job is unreadable'
  measure_cores
  measure_memory
  measure_disk
  measure_gpus
  find_other_runs
  git_facts "$job_root" "$1"

  at_least cores "$cores" "$job_min_cores" cores
  at_least memory "$memory_gb" "$job_min_memory_gb" GiB
  if ((job_require_clean == 0)); then
    check clean_tree '' '' ''
  elif [[ -z $git_dirty ]]; then
    check clean_tree yes 'clean_tree: not measurable, this is no git repository' no
  else
    word=no
    ((git_dirty == 0)) && word=ok
    check clean_tree yes "clean_tree: $git_dirty changed or untracked files: $git_names" "$word"
  fi
  at_least disk "$disk_free_gb" "$job_min_disk_free_gb" GiB
  at_least gpus "$gpu_count" "$job_min_gpus" GPUs
  weigh_load
  if [[ $job_refuse_other_runs == yes ]]; then
    word=ok
    ((other_count > 0)) && word=no
    check other_runs yes "other_runs: $other_count go on: $others" "$word"
  else
    check other_runs '' '' ''
  fi
  if [[ -n ${2-} ]]; then
    check setup yes "$2" no
  elif [[ -s $1/setup.sh ]]; then
    check setup yes '' ok
  else
    check setup '' '' ''
  fi
  [[ -n $reasons ]] && status=fail

  utc
  [[ -n $git_branch ]] && json_string "$git_branch" && branch=$json
  [[ $git_commit == unknown ]] || commit=\"$git_commit\"
  [[ -n $git_diff ]] && diff=\"$git_diff\"
  json_string "$job_root"
  local root=$json
  json_string "${HOSTNAME-}"
  printf '%s\n' "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"timestamp\": \"$now_utc\", \"hostname\": $json, \"root_dir\": $root, \"git_branch\": $branch, \"git_commit\": $commit, \"git_dirty_count\": ${git_dirty:-null}, \"git_untracked_count\": ${git_untracked:-null}, \"diff_sha256\": $diff, \"cores\": ${cores:-0}, \"memory_gb\": ${memory_gb:-0}, \"min_cores\": $job_min_cores, \"min_memory_gb\": $job_min_memory_gb, \"require_clean\": $job_require_clean, \"status\": \"$status\", \"reasons\": [$reasons], \"memory_available_gb\": ${memory_available_gb:-null}, \"disk_free_gb\": ${disk_free_gb:-null}, \"gpus\": $gpus, \"load_1m\": ${load:-null}, \"other_runs\": $others, \"checks\": {$checks}, \"token\": \"$job_token\"}"
  [[ $status == pass ]] || exit 2
}

main "$@"; exit
