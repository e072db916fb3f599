# Usage: install.sh FOLDER REQUIREMENTS…
# Installs pinned packages into a folder, compiled, without what no program needs, and the same to the byte and the second
# in each build: images that hold the same package share its files then.
set -eu
target=$1
shift
for file in "$@"; do
  shift
  set -- "$@" --requirement "$file"
done
# The folder is the image's alone, so there is no system to break.
python3 -m pip install --quiet --root-user-action=ignore --no-cache-dir --no-deps --no-compile --only-binary :all: \
  --require-hashes --target "$target" "$@"
cd "$target"
# The packages' own tests are a third of all. numpy.testing imports one of NumPy's.
find . -type d -name tests -not -path ./numpy/_core/tests -prune -exec rm -r {} +
[ ! -d numpy ] || find numpy/_core/tests -mindepth 1 -not -name _natype.py -not -name __init__.py -delete
rm -rf bin share include matplotlib/mpl-data/sample_data
# Checked against nothing at run time: the files are read-only, and their times are one and the same.
python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash -s "$target" -p /usr/local/lib/python3.11/dist-packages .
find . -exec touch --no-dereference --date 2024-01-01T00:00:00Z {} +
