#!/usr/bin/env bash
# data_quality.sh - gate: is the input table fit? Finds a python3 for the engine and runs it.
#
# usage   data_quality.sh ATTEMPT        in the project's folder
# reads   control/dq_argv                the engine's arguments, each ended by a NUL
# writes  data_quality_command.sh        the exact command, for people
#         data_quality/                  the engine's report
# exit    the engine's: 0 pass; 2 fail; 1 the gate could not run
# needs   bash 3.2, python3 >= 3.6 with its standard library
# shellcheck shell=bash
# shellcheck disable=SC2154 # job_* come from control/job

find_python() { # -> python; the same rule as for commands, and young enough
  local path=$PATH candidate
  PATH=$user_path:$PATH
  for candidate in "$job_root/.venv/bin/python" python3 python; do
    python=$(command -v -- "$candidate") || continue
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null && break
    python=
  done
  PATH=$path
  [[ -n $python ]]
}

main() { # ATTEMPT
  local attempt=$1
  read_values "$attempt/control/job" || die 1 'control/job is unreadable'
  find_python || die 1 'the data-quality gate needs python3 >= 3.6 on this host and found none (apt-get install python3)'
  read_list "$attempt/control/dq_argv"
  set -- "$python" -I "$attempt/control/wrappers/data_quality.py" "${list[@]}"
  printf '%q ' "$@" >"$attempt/data_quality_command.sh"
  printf '\n' >>"$attempt/data_quality_command.sh"
  restore_environment
  exec "$@"
}

main "$@"; exit
