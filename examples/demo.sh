#!/usr/bin/env bash
# demo.sh - the main job for real on this machine: a gate that blocks, an official run, its evidence;
#           then a long loop that is stopped and resumed.
#
# usage   examples/demo.sh BIN       BIN: the folder with `remoterun`, such as .venv/bin
# writes  a temporary folder, which is kept to look at; the project's clone stays as it is
# exit    0 all went as it should; 1 something did not, and the last lines say what
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
dir=

heading() { # TEXT
  printf '\n\n== %s\n' "$1"
}

note() { # TEXT
  printf '# %s\n' "$1"
}

give_up() { # TEXT
  printf '\ndemo: %s\ndemo: what it left is in %s\n' "$1" "$dir" >&2
  exit 1
}

typed() { # EXIT_CODE COMMAND: print it as it is typed, run it, and insist on its exit code
  local expected=$1 code
  printf '\n$ %s\n' "$2"
  eval "$2" </dev/null
  code=$?
  [[ $expected == 0 ]] || printf '(exit code %d)\n' "$code"
  [[ $code == "$expected" ]] || give_up "exit code $code instead of $expected: $2"
}

project() { # NAME: a copy of an example with a repository of its own, and into it
  { mkdir -- "$dir/$1" && cp -R -- "$here/$1/." "$dir/$1/" && cd -- "$dir/$1"; } || give_up "cannot copy $here/$1"
  # what an earlier run in the clone itself may have left
  rm -rf -- data runs gate_results audit .remoterun
  { git init -q . && git add -- . && git commit -q -m 'the example as it is shipped'; } || give_up 'cannot make a git repository'
}

own_world() { # nothing of the user's settings counts here
  unset REMOTERUN_INVENTORY REMOTERUN_PROJECT XDG_CONFIG_HOME THREADS REQUIRE_CLEAN MIN_CORES MIN_MEM_GB
  unset "${!DQ_@}" "${!GIT_@}"
  export HOME=$dir GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
  export GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.com
  export GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.com
}

official_line() { # OPTION…: the line of the example's README, with what else is asked for
  printf '%s' "remoterun official --workflow production_gates --tag committee_2026-02-21_run1 --owner hui --notes \"official workstation run\" \\
    --threads 8 --dq-input-csv data/your_input.csv ${*:+$* }-- --strategy configs/strategies/combo_v2_prod.yaml --factor combo_v2 \\
    --cost-multipliers 1.5,2.0 --wf-shards 4 --freeze-file runs/freeze/combo_v2_prod.freeze.json --out-dir gate_results"
}

show_official() {
  heading 'A table with doubled rows: the gate refuses, the program never starts'
  project factor_research
  typed 0 'python3 scripts/make_table.py --spoil duplicates'
  typed 6 "$(official_line)"

  heading 'The table is repaired, the configuration is released, the same line again'
  typed 0 'python3 scripts/make_table.py'
  typed 0 'python3 scripts/run_research_workflow.py --workflow production_gates -- --strategy configs/strategies/combo_v2_prod.yaml \
    --factor combo_v2 --freeze-file runs/freeze/combo_v2_prod.freeze.json --write-freeze'
  typed 0 "$(official_line --follow)"
  note 'Exit code 0: the program did its work. What its own gates found is in its report.'
}

show_evidence() {
  heading 'What proves it'
  typed 0 'remoterun status committee_2026-02-21_run1 --tail-lines 3'
  typed 0 'cd audit/workstation_runs/*_committee_2026-02-21_run1 && ls -p . attempts/2'
  typed 0 'cat attempts/2/exit_status.json'
  typed 0 'python3 -m json.tool attempts/2/result.json'
  typed 0 'python3 ~/check_evidence.py .'
  note 'One digit changed, and it shows:'
  typed 0 'cp attempts/2/exit_status.json kept && sed -i s/0/1/ attempts/2/exit_status.json'
  typed 1 'python3 ~/check_evidence.py .'
  typed 0 'mv kept attempts/2/exit_status.json'
}

show_stop_and_resume() {
  heading 'A long loop: stopped, and resumed where it was'
  project null_battery
  typed 0 'remoterun official --workflow null_battery --tag null_2026-02-21_run1 --detach -- --draws 600 --size 200 --seed 7 --sleep 0.015'
  typed 0 'sleep 3; remoterun status'
  typed 0 'remoterun stop null_2026-02-21_run1 -m "need the cores"'
  typed 0 'remoterun resume null_2026-02-21_run1'
  typed 0 'remoterun wait null_2026-02-21_run1'
  typed 0 'remoterun logs null_2026-02-21_run1 -n 12'
}

main() { # BIN
  local bin
  [[ $# -eq 1 ]] || { printf 'usage: %s BIN\n' "$0" >&2 && exit 1; }
  bin=$(cd -- "$1" && pwd) && [[ -x $bin/remoterun ]] || { printf 'demo: no remoterun in %s\n' "$1" >&2 && exit 1; }
  dir=$(mktemp -d "${TMPDIR:-/tmp}/remoterun-demo.XXXXXX") || exit 1
  export PATH=$bin:$PATH
  own_world
  cp -- "$here/check_evidence.py" "$dir/" || give_up 'cannot write there'
  show_official
  show_evidence
  show_stop_and_resume
  heading 'All of this is real'
  printf '%s\n' "It lies in $dir; look around, then: rm -r $dir"
}

main "$@"; exit
