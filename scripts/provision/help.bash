# shellcheck shell=bash
# answer_help "$@": where --help is asked for, prints the script's header and ends. Sourced, not run.
answer_help() {
  case ${1:-} in
    --help | -h)
      sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"
      exit 0
      ;;
  esac
}
