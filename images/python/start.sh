# Starts Python with ahead/sitecustomize.py found first. With --ahead it waits there for the word to go.
if [ "$1" = --ahead ]; then
  shift
  export PADDOCK_AHEAD=1
fi
export PYTHONPATH="/opt/paddock/runtime/ahead${PYTHONPATH:+:$PYTHONPATH}"
exec "$@"
