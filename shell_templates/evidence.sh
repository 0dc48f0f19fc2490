#!/usr/bin/env bash
# evidence.sh - one look at any number of runs, in one reply. Writes nothing.
#
# request DETAIL(yes, no) TAIL_BYTES RUN_DIR…    lib.sh and look.sh stand in front
# reply   the words of look.sh
# shellcheck shell=bash
# shellcheck disable=SC2154 # nonce, words and seen come from lib.sh and look.sh

main() {
  read_request
  ((${#words[@]} >= 2)) || die 64 'evidence.sh needs its two words'
  look_at "${words[@]}"
  reply ${seen[@]+"${seen[@]}"}
}

main "$@"; exit
