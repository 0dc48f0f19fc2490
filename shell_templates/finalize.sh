#!/usr/bin/env bash
# finalize.sh - the rest of an ending: exit record, stragglers, result.json, the digest list.
#
# usage   finalize.sh ATTEMPT before     what matches outputs: and report: before the start
#         finalize.sh ATTEMPT WHO ENDING WHO supervisor, shim or later; ENDING stop, time_limit or none
# reads   control/job  control/outputs  control/shim_exit  control/before*  control/report_file
# writes  exit_status.json  result.json  artifacts.json, each once; doing it again changes nothing
# exit    0 recorded; 74 cannot write; 75 somebody else is at it
# needs   bash 3.2, du, stat, sort, comm, sha256sum or openssl
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job

list_files() { # PATTERN…, relative to the project -> NUL-ended "size mtime inode path" on stdout, sorted
  local pattern match line IFS=
  local -a files
  shopt -s nullglob
  for pattern in "$@"; do
    # the pattern is data and meant to be expanded; with IFS empty it is never split
    for match in $pattern; do
      files=()
      while IFS= read -r -d '' line; do
        line=${line#*$'\t'}
        [[ -f $line && ! -L $line ]] && files+=("$line")
        ((${#files[@]} < 500)) && continue
        stat --printf '%s %.9Y %i %n\0' -- "${files[@]}" && files=()
      done < <(du -a -b -l -0 -- "${match%/}" 2>/dev/null)
      ((${#files[@]} == 0)) || stat --printf '%s %.9Y %i %n\0' -- "${files[@]}"
    done
  done | sort -z -u
}

list_before() {
  read_list control/outputs
  (cd -- "$job_root" && list_files ${list[@]+"${list[@]}"}) >control/before
  (cd -- "$job_root" && list_files ${job_report:+"$job_report"}) >control/before_report
}

fresh_files() { # BEFORE PATTERN… -> list: absent or different before the start
  local before=$attempt/control/$1 line
  shift
  list=()
  [[ -e $before ]] || return 0
  while IFS= read -r -d '' line; do
    line=${line#* * * }
    list+=("$line")
  done < <(cd -- "$job_root" && list_files "$@" | comm -z -13 "$before" -)
}

named_tag() { # FILE -> word: the first decision_tag in it
  word=$(sed -n -e 's/.*"decision_tag": *"\([^"]*\)".*/\1/p' -- "$1" 2>/dev/null | head -n 1)
}

# --- which report is this run's ------------------------------------------------------------------

bind_report() { # -> report report_missing candidates(json) foreign (folders of reports of other tags)
  local file path tagged='' matching=0 entries=''
  report='' report_missing=none_written foreign=()
  list=()
  [[ -z $job_report ]] || fresh_files before_report "$job_report"
  for file in ${list[@]+"${list[@]}"}; do
    path=$job_root/$file
    digest_file "$path" || continue
    json_string "$file"
    entries+="${entries:+, }{\"path\": $json, \"bytes\": $(stat -c %s -- "$path"), \"sha256\": \"$digest\"}"
    named_tag "$path"
    if [[ $word == "$job_tag" ]]; then
      ((matching += 1))
      tagged=$file
    elif [[ -n $word && $file == */* ]]; then
      foreign+=("${file%/*}")
    fi
  done
  candidates="[$entries]"
  if read_text control/report_file && [[ -n $text ]]; then
    file=${text%%$'\n'*}
    file=${file#"$job_root/"}
    written_here "$file" && report=$file report_missing='' && return
  fi
  if ((${#list[@]} == 1)); then
    report=${list[0]} report_missing=
  elif ((matching == 1)); then
    report=$tagged report_missing=
  elif ((matching > 1)); then
    report_missing=ambiguous
  elif ((${#list[@]} > 1)); then
    report_missing=tag_mismatch
  fi
}

# No link leads out of the project, and its inode changed after the list of what was there before.
written_here() { # FILE
  local folder=$job_root/$1
  [[ $1 != /* && "/$1/" != */../* && -f $folder && ! -L $folder ]] || return 1
  folder=$(cd -- "${folder%/*}" && pwd -P)/ || return 1
  [[ $folder == "$(cd -- "$job_root" && pwd -P)"/* ]] || return 1
  ! [[ $(stat -c %.9Z -- "$job_root/$1") < $(stat -c %.9Z control/before_report) ]]
}

write_result() {
  local state='' code='' end='' start='' left=0 report_json=null report_sha=null report_bytes=null missing=null
  local input='"input_sha256_start": null, "input_sha256_end": null, "input_check": "none"' first last
  json_word exit_status.json state && state=$word
  json_word exit_status.json end_utc && end=$word
  json_number exit_status.json exit_code && code=$number
  json_word process.json start_utc && start=$word
  read_text control/stragglers && left=$text
  if [[ -n $report ]] && digest_file "$job_root/$report"; then
    json_string "$report"
    report_json=$json report_sha=\"$digest\" report_bytes=$(stat -c %s -- "$job_root/$report")
  elif [[ -n $report_missing ]]; then
    missing=\"$report_missing\"
  fi
  if json_word control/input_start sha256; then
    first=${word:+\"$word\"} last=
    json_word control/input_end sha256 && last=${word:+\"$word\"}
    json_word control/input_start check
    input="\"input_sha256_start\": ${first:-null}, \"input_sha256_end\": ${last:-null}, \"input_check\": \"$word\""
  fi
  publish result.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"workflow\": \"$job_workflow\", \"decision_tag\": \"$job_tag\", \"attempt\": $job_attempt, \"exit_code\": ${code:-null}, \"audit_dir\": $job_run_path_json, \"state\": \"$state\", \"started_utc\": ${start:+\"}${start:-null}${start:+\"}, \"completed_utc\": \"$end\", \"report_json\": $report_json, \"report_json_sha256\": $report_sha, \"report_json_bytes\": $report_bytes, \"report_missing_reason\": $missing, \"report_candidates\": $candidates, \"stragglers\": $left, $input, \"path_base\": \"project_root\", \"token\": \"$job_token\"}" ||
    [[ -e result.json ]] || exit 74
}

# --- the digest list -----------------------------------------------------------------------------

belongs() { # PATH in the run directory: is it in the digest list?
  case ${1##*/} in .*.tmp) return 1 ;; esac
  case $1 in
    pid.txt | attempts/*/pid.txt | "$own_list") return 1 ;;
    control/lock | control/reserve | control/input/* | attempts/*/control/lock | attempts/*/control/reserve | attempts/*/control/input/*) return 1 ;;
    sync.json | run_manifest.json | observations.jsonl | governance_*) return 1 ;;
  esac
}

add_digests() { # BASE FILE…: appends to entries
  local base=$1 file tool=sha256sum index=0 size
  shift
  (($# > 0)) || return 0
  local -a digests sizes
  digests=() sizes=()
  command -v openssl >/dev/null 2>&1 && tool=openssl
  for file in "$@"; do [[ $file == *$'\n'* ]] && tool=sha256sum; done
  if [[ $tool == openssl ]]; then
    while IFS= read -r file; do digests+=("${file:0:64}"); done < <(openssl dgst -sha256 -r "${@/#/./}")
  else
    while IFS= read -r -d '' file; do digests+=("${file:0:64}"); done < <(sha256sum -z -- "$@")
  fi
  while IFS= read -r size; do sizes+=("$size"); done < <(stat -c %s -- "$@")
  if ((${#digests[@]} != $# || ${#sizes[@]} != $#)); then return 1; fi
  for file in "$@"; do
    json_string "$file"
    entries+="${entries:+,$'\n'}  {\"path\": $json, \"path_base\": \"$base\", \"bytes\": ${sizes[index]}, \"sha256\": \"${digests[index]}\"}"
    ((index += 1))
  done
}

digest_all() { # BASE FILE…, in batches
  local base=$1
  shift
  while (($# > 0)); do
    add_digests "$base" "${@:1:400}" || return
    shift $(($# < 400 ? $# : 400))
  done
}

write_artifacts() {
  local line folder entries='' own_list=artifacts.json
  local -a mine
  [[ $attempt == "$run" ]] || own_list=${attempt#"$run/"}/artifacts.json
  mine=()
  while IFS= read -r -d '' line; do
    line=${line#*$'\t'}
    line=${line#./}
    [[ -f $run/$line && ! -L $run/$line ]] && belongs "$line" && mine+=("$line")
  done < <(cd -- "$run" && du -a -b -l -0 . | sort -z -k 2)
  (cd -- "$run") && cd -- "$run" && digest_all run_dir "${mine[@]}" || exit 74
  cd -- "$attempt" || exit 74
  read_list control/outputs
  fresh_files before ${list[@]+"${list[@]}"} ${job_report:+"$job_report"}
  mine=()
  for line in ${list[@]+"${list[@]}"}; do
    [[ $job_root/$line == "$run"/* || $line == "$report" ]] && continue
    for folder in ${foreign[@]+"${foreign[@]}"}; do
      [[ $line == "$folder"/* ]] && continue 2
    done
    mine+=("$line")
  done
  # what is bound is listed, also where the program named it and no pattern does
  [[ -z $report || $job_root/$report == "$run"/* ]] || mine+=("$report")
  if ((${#mine[@]} > 0)); then
    cd -- "$job_root" && digest_all project_root "${mine[@]}" || exit 74
    cd -- "$attempt" || exit 74
  fi
  utc
  publish artifacts.json "{\"schema_version\": 1, \"run_id\": $job_run_id_json, \"attempt\": $job_attempt, \"written_utc\": \"$now_utc\", \"files\": ["$'\n'"$entries"$'\n'"]}" ||
    [[ -e artifacts.json ]] || exit 74
}

# --- what the command left behind ----------------------------------------------------------------

sweep_stragglers() {
  local turn=0
  local -a left
  recorded_processes
  list_processes "$job_token" "$roots" "$sessions" "$spared"
  [[ -n $found ]] || return 0
  # shellcheck disable=SC2206 # words of our own
  left=($found)
  printf '[job] ending %d processes that the command left behind\n' "${#left[@]}" >>run.log 2>/dev/null
  replace control/stragglers "${#left[@]}"
  signal_processes TERM "$found"
  while [[ -n $found ]]; do
    sleep 0.2
    list_processes "$job_token" "$roots" "$sessions" "$spared"
    ((turn += 1))
    ((turn < 25)) || signal_processes KILL "$found"
  done
}

hash_input_again() {
  [[ -e control/input_start && ! -e control/input_end ]] || return 0
  local path=$job_input check
  [[ $path == /* ]] || path=$job_root/$path
  json_word control/input_start check && check=$word
  digest=
  [[ $check == sha256 ]] && digest_file "$path"
  replace control/input_end "{\"sha256\": \"$digest\"}"
}

finish() { # WHO ENDING
  if [[ $1 == later ]]; then
    lock_file_of "$attempt"
    exec 9>>"$lock_file" || exit 74
    flock -n 9 || exit 75
  fi
  [[ -e exit_status.json ]] || record_ending "$1" "$2" || exit 74
  [[ -e artifacts.json ]] && return
  sweep_stragglers
  hash_input_again
  rm -rf -- control/input control/reserve
  utc
  printf '[job] done_utc=%s\n' "$now_utc" >>run.log 2>/dev/null
  bind_report
  write_result
  write_artifacts
  [[ $1 == supervisor ]] && return
  # without a supervisor nobody else says that this number is no longer the run's
  replace pid.txt ''
  [[ $attempt == "$run" ]] || replace "$run/pid.txt" ''
}

main() { # ATTEMPT WHO ENDING
  # who ends the run may be asked to end as well; this part is short and its record matters
  trap '' HUP INT TERM
  attempt=$1
  cd -- "$attempt" || die 74 "no attempt directory: $1"
  read_values control/job || die 64 'control/job is unreadable'
  run=$job_root/$job_run_path
  if [[ $2 == before ]]; then list_before; else finish "$2" "$3"; fi
}

main "$@"; exit
