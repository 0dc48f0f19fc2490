# lib.sh - what every wrapper shares; it stands in front of each of them, here and on the wire.
#
# publish and replace files, JSON strings, framed replies, process identity, sweeps, digests.
# needs   bash 3.2, coreutils, util-linux, sed, tar, gzip; Linux /proc
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is read by the scripts that follow, and they set job_*
set -u

# The user's own environment, given back to the user's command.
user_path=$PATH user_umask=$(umask) user_lc_all=${LC_ALL-} user_lc_all_set=${LC_ALL+yes}
unset BASH_ENV ENV CDPATH GREP_OPTIONS

take_environment() { # the system's tools first: what the user put in front is for the user's command
  umask 077
  export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:$user_path LC_ALL=C
}
take_environment

restore_environment() {
  umask "$user_umask"
  PATH=$user_path
  if [[ -n $user_lc_all_set ]]; then LC_ALL=$user_lc_all; else unset LC_ALL; fi
}

die() { # STATUS MESSAGE
  printf 'remoterun: %s\n' "$2" >&2
  exit "$1"
}

# --- other wrappers ------------------------------------------------------------------------------

# The wrappers are static texts: each is read by a bash of its own, lib.sh in front.
# shellcheck disable=SC2016 # for the new bash to expand
as_wrapper='. "$0/lib.sh" && name=$1 && shift && . "$0/$name.sh"'

exec_wrapper() { # WRAPPERS NAME ARG…: in place of this process
  exec bash -c "$as_wrapper" "$@"
}

# What the setup text prints is kept out of a gate's record, and `set --` in it does not cost the words.
exec_behind_setup() { # SETUP WRAPPERS NAME ARG…: in place of this process; 97 when the setup text failed
  local setup=$1
  shift
  # shellcheck disable=SC2016
  exec bash -c 'remoterun_words=("$@") remoterun_folder=$PWD
    . "$0" >&2 || { printf "setup.sh ended with %d\n" $? >&2; exit 97; }
    builtin cd -- "$remoterun_folder" || exit 97
    builtin exec bash -c "${remoterun_words[@]}"' "$setup" "$as_wrapper" "$@"
}

# --- files ---------------------------------------------------------------------------------------

flush() { # PATH…: on the disk when this returns 0
  sync -- "$@" 2>/dev/null && return
  local path
  for path in "$@"; do
    # coreutils before 8.24 cannot sync one file
    dd if=/dev/null of="$path" conv=notrunc,fsync 2>/dev/null || sync || return
  done
}

# A reader sees no file or the whole file, and the first record stands: `ln` fails where the
# name exists, `mv` would replace it.
publish_once() { # NAME TEXT
  local folder=. temp status
  [[ $1 == */* ]] && folder=${1%/*}
  temp=$folder/.${1##*/}.$$.$RANDOM.tmp
  { printf '%s\n' "$2" >"$temp" && flush "$temp" && ln -- "$temp" "$1"; } 2>/dev/null
  status=$?
  rm -f -- "$temp"
  ((status == 0)) && flush "$folder"
  return "$status"
}

# The same on a disk that is full: what the reserve file holds is given up for the record.
publish() { # NAME TEXT
  publish_once "$1" "$2" && return
  [[ -e $1 ]] && return 1
  rm -f -- control/reserve
  publish_once "$1" "$2"
}

# For the few files that change while a run goes on: whole, atomic, the newest stands.
replace() { # NAME TEXT
  local folder=. temp
  [[ $1 == */* ]] && folder=${1%/*}
  temp=$folder/.${1##*/}.$$.$RANDOM.tmp
  { printf '%s\n' "$2" >"$temp" && mv -f -- "$temp" "$1"; } 2>/dev/null && return
  rm -f -- "$temp"
  return 1
}

read_text() { # FILE -> text; 1 when it cannot be read. No process is started.
  local line
  text=
  [[ -r $1 ]] || return 1
  # a read that fails (a folder, a bad disk) assigns nothing; the end of a file assigns ''
  { while unset -v line; IFS= read -r line || [[ -n ${line-} ]]; do text+=$line$'\n'; done <"$1"; } 2>/dev/null || return 1
  [[ -n ${line+ended} ]] || return 1
  text=${text%$'\n'}
}

read_values() { # FILE: NUL-ended pairs of name and value -> variables job_NAME
  local name value
  while IFS= read -r -d '' name && IFS= read -r -d '' value; do
    case $name in '' | *[!a-z0-9_]*) return 1 ;; esac
    printf -v "job_$name" %s "$value"
  done <"$1"
}

read_list() { # FILE: NUL-ended words -> list
  local word
  list=()
  [[ -e $1 ]] || return 0
  while IFS= read -r -d '' word; do list+=("$word"); done <"$1"
}

digest_file() { # FILE -> digest; the sha256, by whatever is quickest here
  local line
  digest=
  if command -v openssl >/dev/null 2>&1; then
    line=$(openssl dgst -sha256 -r <"$1" 2>/dev/null)
  else
    line=$(sha256sum <"$1" 2>/dev/null)
  fi
  digest=${line%% *}
  [[ ${#digest} -eq 64 ]]
}

# --- words ---------------------------------------------------------------------------------------

utf8_char=$'([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf][\x80-\xbf]|[\xf1-\xf3][\x80-\xbf][\x80-\xbf][\x80-\xbf]|\xf4[\x80-\x8f][\x80-\xbf][\x80-\xbf])'
utf8_pattern=$'^([\x01-\x7f]|'"$utf8_char)*\$"

json_string() { # VALUE -> json; a byte that is no UTF-8 is shown as \xNN
  local value=$1 rest out char code exact=yes
  case $value in
    *[!\ -~]* | *[\"\\]*) ;;
    *)
      json=\"$value\"
      return
      ;;
  esac
  [[ $value =~ $utf8_pattern ]] || exact=
  rest=$value out=
  while [[ -n $rest ]]; do
    char=${rest:0:1}
    case $char in
      \" | \\) out+=\\$char ;;
      [\ -~]) out+=$char ;;
      *)
        printf -v code %d "'$char"
        ((code < 0)) && ((code += 256))
        if ((code < 32 || code == 127)); then
          printf -v code '\\u%04x' "$code"
          out+=$code
        elif [[ -n $exact ]]; then
          out+=$char
        elif [[ $rest =~ ^$utf8_char ]]; then
          char=${BASH_REMATCH[0]}
          out+=$char
        else
          printf -v code '\\\\x%02x' "$code"
          out+=$code
        fi
        ;;
    esac
    rest=${rest:${#char}}
  done
  json=\"$out\"
}

json_list() { # VALUE… -> json
  local value out=
  for value in "$@"; do
    json_string "$value"
    out+=${out:+, }$json
  done
  json="[$out]"
}

json_number() { # FILE KEY -> number; empty when it is null, absent or no integer
  number=
  read_text "$1" || return 1
  [[ $text =~ \"$2\":\ *(-?[0-9]+)[,}[:space:]] ]] && number=${BASH_REMATCH[1]}
}

json_word() { # FILE KEY -> word; only for values of our own that hold no quote
  word=
  read_text "$1" || return 1
  [[ $text =~ \"$2\":\ *\"([A-Za-z0-9_.:+-]*)\" ]] && word=${BASH_REMATCH[1]}
}

# A gate's record is judged only when it is whole: keys become K, values V, then what is built of them.
whole_json() { # FILE -> text; 0 when it is one JSON object from its first to its last byte
  local bare
  # one gulp: a report of many columns has megabytes
  { text=$(<"$1"); } 2>/dev/null && [[ $text == '{'* ]] || return 1
  bare=$(tr -d '\t\r\n' <"$1" | sed -e 's/"\(\\["\\/bfnrt]\|\\u[0-9a-fA-F]\{4\}\|[^"\\]\)*"/""/g' -e 's/ //g' -e 's/"":/K/g' \
    -e 's/""\|true\|false\|null\|-\{0,1\}[0-9][0-9]*\(\.[0-9][0-9]*\)\{0,1\}\([eE][-+]\{0,1\}[0-9][0-9]*\)\{0,1\}/V/g' \
    -e :a -e 's/\[\(V\(,V\)*\)\{0,1\}\]/V/g' -e 's/{\(KV\(,KV\)*\)\{0,1\}}/V/g' -e ta)
  [[ $bare == V ]]
}

utc() { # -> now_utc
  now_utc=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

uptime() { # -> up_s; whole seconds that no clock step can move
  read -r up_s _ </proc/uptime
  up_s=${up_s%.*}
}

# --- the wire ------------------------------------------------------------------------------------

# A request is data behind the script on standard input: a count, a nonce and that many words,
# each ended by a NUL. What follows them (a tar stream) is left for its reader.
read_request() { # -> nonce, words
  local count word
  words=()
  if ! { IFS= read -r -d '' count && IFS= read -r -d '' nonce; }; then die 64 'no request'; fi
  case $count$nonce in *[!0-9a-f]*) die 64 'not a request' ;; esac
  while ((${#words[@]} < count)); do
    IFS= read -r -d '' word || die 64 'the request was cut short'
    words+=("$word")
  done
}

frame() { # TEXT: one framed reply; everything outside of frames is noise
  local sum
  sum=$(printf %s "$1" | sha256sum)
  printf 'RR1 %s %d %s\n%s\n' "$nonce" "${#1}" "${sum%% *}" "$1"
}

reply() { # WORD…: NUL-ended words, as base64 so that a frame is text
  frame "$(printf '%s\0' "$@" | base64 | tr -d '\n')"
}

# --- processes -----------------------------------------------------------------------------------

read_stat() { # PID -> stat_state stat_ppid stat_pgid stat_sid stat_ticks stat_cpu stat_rss
  local line fields
  line=
  # a process may end between open and read: then nothing is assigned, and `set -u` would end us
  { while fields=; IFS= read -r fields || [[ -n $fields ]]; do line+=$fields; done <"/proc/$1/stat"; } 2>/dev/null
  # the name of a process may hold `)` and spaces: cut after the last one
  [[ $line == *')'* ]] || return 1
  # shellcheck disable=SC2086 # numbers, to be split
  set -- ${line##*) }
  stat_state=$1 stat_ppid=$2 stat_pgid=$3 stat_sid=$4 stat_ticks=${20} stat_rss=${22}
  stat_cpu=$((${12} + ${13}))
}

same_process() { # PID TICKS: this very process lives (a zombie does not)
  read_stat "$1" && [[ $stat_ticks == "$2" && $stat_state != [ZX] ]]
}

allowed_cpus() { # -> cpus: those that this process may use, as the kernel lists them
  local name value
  cpus=
  while read -r name value; do [[ $name == Cpus_allowed_list: ]] && cpus=$value; done </proc/self/status
}

count_oom_kills() { # -> oom_kills: of this host since it was started
  local name value
  oom_kills=0
  { while read -r name value; do [[ $name == oom_kill ]] && oom_kills=$value; done </proc/vmstat; } 2>/dev/null
}

lock_file_of() { # ATTEMPT -> lock_file; elsewhere when the directory is on a network file system
  lock_file=$1/control/lock
  if [[ -e $1/control/lock_path ]] && read_text "$1/control/lock_path"; then lock_file=$text; fi
}

lock_word() { # FILE -> lock: held, free, none or unreadable; one process
  lock=none
  [[ -e $1 ]] || return 0
  lock=unreadable
  [[ -r $1 ]] || return 0
  flock -s -n -E 9 -- "$1" true 2>/dev/null
  case $? in 0) lock=free ;; 9) lock=held ;; esac
}

# For each environment that names a run: its file, then TOKEN=… or SUPERVISOR_OF=…
sed_tokens='s/^\(.*[^A-Za-z0-9_]\)\{0,1\}REMOTERUN_\(TOKEN\|SUPERVISOR_OF\)=\([0-9a-f]\{32\}\).*/\2=\3/; T; F; p'

# Every process of a run but the spared: by session, by descent, by the token in its environment, by
# the run's lock that it keeps open. A session counts only while its leader, if it lives, is the one
# that was seen. What says that it belongs to another run does, also where it descends from this one.
list_processes() { # TOKEN ROOTS SESSIONS SPARED ("pid:ticks …" each) -> found ("pid:ticks …")
  local token=$1 roots=" $2 " sessions=" $3 " spared=" $4 " path pid line entry sid ticks
  local table='' ours=' ' before tokens=' ' members=' ' foreign=' ' lock_file
  lock_file_of .
  # $( ) and not < <( ): its process must be gone before the table is read
  while IFS= read -r path && IFS= read -r line; do
    path=${path#/proc/} pid=${path%/environ}
    case $line in
      "TOKEN=$token") tokens+="$pid " ;;
      "SUPERVISOR_OF=$token") ;;
      *) foreign+="$pid " ;;
    esac
  done <<<"$(sed -s -n -e "$sed_tokens" /proc/[0-9]*/environ 2>/dev/null)"
  for entry in $sessions; do
    sid=${entry%:*} ticks=${entry#*:}
    if read_stat "$sid"; then
      [[ $stat_ticks == "$ticks" ]] && members+="$sid "
    else
      members+="$sid "
    fi
  done
  for path in /proc/[0-9]*; do
    pid=${path#/proc/}
    read_stat "$pid" || continue
    if ((pid == $$)); then
      # never found, but what descends from us is, where we are a root
      spared+="$pid:$stat_ticks "
      [[ $roots == *" $pid:$stat_ticks "* ]] || continue
    fi
    [[ $stat_state == [ZX] || $foreign == *" $pid "* ]] && continue
    table+="$pid $stat_ppid $stat_ticks"$'\n'
    if [[ $tokens == *" $pid "* || $members == *" $stat_sid "* || $roots == *" $pid:$stat_ticks "* ]]; then
      ours+="$pid:$stat_ticks "
    elif [[ /proc/$pid/fd/9 -ef $lock_file ]] && ! is_supervisor "$pid"; then
      ours+="$pid:$stat_ticks "
    fi
  done
  before=
  until [[ $ours == "$before" ]]; do
    before=$ours
    while read -r pid line ticks; do
      [[ -n $pid && $ours != *" $pid:"* && $ours == *" $line:"* ]] && ours+="$pid:$ticks "
    done <<<"$table"
  done
  found=
  for entry in $ours; do
    [[ $spared == *" $entry "* ]] || found+="$entry "
  done
}

is_supervisor() { # PID: or one that waits for the lock, and whatever it starts
  local word
  { while IFS= read -r -d '' word; do [[ $word == REMOTERUN_SUPERVISOR_OF=* ]] && return; done <"/proc/$1/environ"; } 2>/dev/null
  return 1
}

# What the run wrote down about its processes, for whoever ends them.
recorded_processes() { # in an attempt's directory -> roots spared sessions job_token
  local pid
  roots='' spared='' sessions=''
  json_number process.json pid && pid=$number && json_number process.json start_ticks &&
    spared+="$pid:$number " sessions+="$pid:$number "
  json_number control/exec pid && pid=$number && json_number control/exec start_ticks && spared+="$pid:$number "
  roots=$spared
  read_text control/sessions && sessions+="$text "
  read_text control/sessions_left && sessions+="$text "
  return 0
}

signal_processes() { # SIGNAL "pid:ticks …": each looked at once more right before
  local entry
  for entry in $2; do
    same_process "${entry%:*}" "${entry#*:}" && kill -s "$1" "${entry%:*}" 2>/dev/null
  done
  return 0
}

# --- the work tree -------------------------------------------------------------------------------

quiet_git() { # ROOT ARG…
  local root=$1
  shift
  # the user's own git: an old system may have one that does not know what is asked
  (unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE && PATH=$user_path && GIT_OPTIONAL_LOCKS=0 exec git -C "$root" "$@") 2>/dev/null
}

# The same commands, with the same exclusions, as records/git.py: both count and hash alike.
git_facts() { # ROOT ATTEMPT -> git_commit git_branch git_dirty git_untracked git_diff git_names; 1 outside a repository
  local root=$1 entry changed=0
  git_commit=unknown git_branch='' git_dirty='' git_untracked='' git_diff='' git_names=''
  command -v git >/dev/null 2>&1 || return 1
  read_list "$2/control/git_exclude"
  while IFS= read -r -d '' entry; do
    case $entry in
      '# branch.oid '*) git_commit=${entry#\# branch.oid } ;;
      '# branch.head '*) git_branch=${entry#\# branch.head } ;;
      '#'*) ;;
      *)
        ((changed += 1))
        ((changed <= 10)) && git_names+="${git_names:+, }${entry#* * * * * * * * }"
        ;;
    esac
  done < <(quiet_git "$root" status --porcelain=v2 --branch -z -uno --no-renames -- ':/' ${list[@]+"${list[@]}"})
  [[ $git_branch == '(detached)' ]] && git_branch=
  [[ ${#git_commit} -ge 40 ]] || {
    git_commit=unknown git_branch=''
    return 1
  }
  if ((changed > 0)); then
    git_diff=$(quiet_git "$root" -c core.quotePath=true diff HEAD --binary --full-index --no-color --no-ext-diff \
      --no-textconv --no-renames --src-prefix=a/ --dst-prefix=b/ -- ':/' ${list[@]+"${list[@]}"} | sha256sum)
    git_diff=${git_diff%% *}
  fi
  git_untracked=0
  read_list "$2/control/git_exclude_untracked"
  while IFS= read -r -d '' entry; do
    ((git_untracked += 1))
    ((changed + git_untracked <= 10)) && git_names+="${git_names:+, }$entry"
  done < <(quiet_git "$root" ls-files --others --exclude-standard -z -- ':/' ${list[@]+"${list[@]}"})
  git_dirty=$((changed + git_untracked))
  ((git_dirty > 10)) && git_names+=', …'
  return 0
}

# --- the record of the ending --------------------------------------------------------------------

publish_ending() { # BY STATE REASON CODE SIGNAL GATE(json) REASONS(json); 0 when an ending is recorded
  utc
  publish exit_status.json "{\"exit_code\": $4, \"end_utc\": \"$now_utc\", \"state\": \"$2\", \"signal\": $5, \"recorded_by\": \"$1\", \"reason\": \"$3\", \"gate\": $6, \"reasons\": $7, \"oom_kills\": ${oom_kills:-0}, \"schema_version\": 1, \"run_id\": $job_run_id_json, \"token\": \"$job_token\"}" ||
    [[ -e exit_status.json ]]
}

# Success is written from a status of 0 that the shim waited for, and from nothing else.
record_ending() { # BY ENDING (stop, time_limit, none)
  local code='' signal='' state=fail reason=exit_code
  count_oom_kills
  read_text control/oom_kills && oom_kills=$((oom_kills - text))
  json_number control/shim_exit exit_code && code=$number
  json_number control/shim_exit signal && signal=$number
  [[ -n $code ]] || return 1
  [[ -n $signal ]] && reason=signal
  if [[ $2 == time_limit ]]; then
    reason=time_limit
  elif [[ $2 == stop || -e stop_request.json ]]; then
    state=stopped reason=stop_requested
  elif [[ $code == 0 && -z $signal ]]; then
    state=success
  fi
  publish_ending "$1" "$state" "$reason" "$code" "${signal:-null}" null '[]'
}
