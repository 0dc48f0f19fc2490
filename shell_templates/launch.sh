#!/usr/bin/env bash
# launch.sh - claim the tag, unpack the attempt, start its supervisor, answer from what is on the disk.
#
# request ROOT RUN_PATH RUN_ID ATTEMPT TOKEN TAG_SHA256 FOLLOW(once, gates, end) START_WORD…, then a
#         tar.gz of the attempt's directory; lib.sh stands in front
# reply   missing TOOL | no_root PATH | gone ATTEMPT | overtaken ATTEMPT | cannot WHAT | taken TOKEN RUN_ID REQUEST_SHA256 OWNER
#         | launched RUN_DIR STATE(started, ended, claimed); then the frames of monitor.sh
# needs   bash 3.2, flock, setsid, tar, gzip, sed
# Again with the same token is safe: what is done already is found, not done twice.
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce and words come from lib.sh

answer() { # WORD…: the reply that ends this launch
  reply "$@"
  exit 0
}

require_tools() {
  local tool
  for tool in flock setsid tar gzip sed sha256sum base64 sync stat du; do
    command -v "$tool" >/dev/null 2>&1 || answer missing "$tool"
  done
}

make_private() { # the folder of claims, ours and nobody else's to write
  local folder
  for folder in "$state" "$state/claims"; do
    [[ -d $folder ]] || mkdir -m 700 -- "$folder" 2>/dev/null || [[ -d $folder ]] || answer cannot "make $folder"
    [[ -L $folder || ! -O $folder ]] && answer cannot "use $folder: it is a link or belongs to somebody else"
  done
  [[ -e $state/.gitignore ]] || publish_once "$state/.gitignore" '*' || [[ -e $state/.gitignore ]] || answer cannot "write to $state"
}

claim() { # one operation of the file system decides who may start; our own claim, found again, is ours
  local link=$state/claims/$tag_digest.$number holder
  ln -s -- "$token $run_id" "$link" 2>/dev/null && flush "$state/claims" && return
  holder=$(readlink -- "$link") || answer cannot "make the claim $link"
  [[ $holder == "$token $run_id" ]] && return
  local theirs=$root/${run_path%/*}/${holder#* } request='' owner=''
  [[ $number == 1 ]] || theirs=$theirs/attempts/$number
  json_word "$theirs/manifest.json" request_sha256 && request=$word
  read_text "$theirs/control/owner" && owner=$text
  answer taken "${holder%% *}" "${holder#* }" "$request" "$owner"
}

place() { # the attempt's directory, whole or not at all; once: what was deleted is not run again
  local mark=$state/claims/$tag_digest.$number.placed
  if [[ -d $attempt ]]; then
    [[ -e $mark ]] || publish_once "$mark" "$run_id" || [[ -e $mark ]] || answer cannot "write $mark"
    return
  fi
  [[ -e $mark ]] && answer gone "$attempt"
  local parent=${attempt%/*} temp
  temp=$parent/.$number.$token.$$.tmp
  if ! { mkdir -p -- "$parent" && mkdir -- "$temp" && gzip -d -c | tar -x -C "$temp" -f - && mkdir -p -- "$temp/control"; } 2>/dev/null; then
    rm -rf -- "$temp"
    answer cannot "unpack into $parent (no space left, or no permission)"
  fi
  printf '%s %s\n' "$token" "$run_id" >"$temp/control/claim"
  flush "$temp"/* "$temp"/control/* "$temp"/control/wrappers/* "$temp"
  [[ $number == 1 ]] || hold_previous "$temp"
  # -T: never into a directory that another launcher of ours placed meanwhile
  mv -T -- "$temp" "$attempt" 2>/dev/null || rm -rf -- "$temp"
  exec 9>&-
  flush "$parent"
  [[ -d $attempt ]] || answer cannot "make $attempt"
  publish_once "$mark" "$run_id" || [[ -e $mark ]] || answer cannot "write $mark"
}

# Its supervisors ask under its lock whether a later attempt exists. So with this lock held the new
# attempt is placed, and from then on the one before starts no more.
hold_previous() { # TEMP -> fd 9
  local previous=$run lock_file
  ((number == 2)) || previous=$run/attempts/$((number - 1))
  [[ -d $previous ]] || return 0
  lock_file_of "$previous"
  if ! { exec 9>>"$lock_file" && flock -w 5 9; } 2>/dev/null || [[ -e $1/control/only_unstarted && -e $previous/control/exec ]]; then
    rm -rf -- "$1"
    answer overtaken "$((number - 1))"
  fi
}

start() { # a second supervisor would wait for the lock and find the first one's work
  [[ -e $attempt/exit_status.json || -e $attempt/control/exec ]] && return
  lock_file_of "$attempt"
  lock_word "$lock_file"
  [[ $lock == held ]] && return
  local waited=0 before=$started
  (
    # what is started in the background ignores SIGINT and SIGQUIT for ever, unless somebody resets them
    if env --default-signal=INT,QUIT true 2>/dev/null; then
      start_words=("$(command -v env)" "--default-signal=INT,QUIT" "${start_words[@]}")
    fi
    restore_environment
    cd /
    unset REMOTERUN_TOKEN REMOTERUN_RUN_DIR REMOTERUN_ATTEMPT_DIR REMOTERUN_RUN_ID REMOTERUN_TAG REMOTERUN_ATTEMPT
    # so that a run which is started inside a run is seen to be its own
    export REMOTERUN_SUPERVISOR_OF=$token
    unset REMOTERUN_REPORT_FILE REMOTERUN_INPUT_CSV OUT_DIR OLDPWD
    exec </dev/null >/dev/null 2>>"$attempt/control/supervisor.log" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    exec "${start_words[@]}" bash "$attempt/job.sh"
  ) &
  replace "$attempt/wrapper_pid.txt" "$!"
  while ((waited < 200)); do
    count_started
    [[ $started -gt $before && -s $attempt/pid.txt || -e $attempt/exit_status.json ]] && return
    kill -0 $! 2>/dev/null || ((waited += 20))
    sleep 0.05
    ((waited += 1))
  done
}

count_started() { # -> started
  local file
  started=0
  for file in "$attempt"/control/started*; do [[ -e $file ]] && ((started += 1)); done
}

main() {
  local root run_path run_id number token tag_digest follow state attempt started run answered=claimed
  read_request
  root=${words[0]} run_path=${words[1]} run_id=${words[2]} number=${words[3]}
  token=${words[4]} tag_digest=${words[5]} follow=${words[6]}
  local -a start_words
  start_words=("${words[@]:7}")
  require_tools
  [[ -d $root ]] || answer no_root "$root"
  root=$(cd -- "$root" && pwd -P)
  state=$root/.remoterun run=$root/$run_path
  make_private
  claim
  attempt=$run
  [[ $number == 1 ]] || attempt=$run/attempts/$number
  place
  # what is not read would break the pipe of who sends it
  cat >/dev/null
  count_started
  start
  count_started
  ((started > 0)) && answered=started
  [[ -e $attempt/exit_status.json ]] && answered=ended
  reply launched "$run" "$answered"
  # the same exec goes on as a stream; its request comes from here
  # shellcheck disable=SC2016
  exec bash -c '. "$0/lib.sh" && . "$0/look.sh" && . "$0/monitor.sh"' "$attempt/control/wrappers" \
    < <(printf '%s\0' 4 "$nonce" "$run" "$follow" "~16384" no)
}

main "$@"; exit
