#!/bin/sh
# Installs Tributary for one user, without root:
#
#     ./install.sh [--prefix DIR]       into DIR, by default ~/.local
#     ./install.sh --uninstall [--prefix DIR]
#
# It copies bin and share, and no file outside of DIR. A second run is an upgrade. Uninstalling removes these files and leaves
# settings and data: `tributary config --path` and the default of `--data-dir` in `tributary --help` say where they are.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix="${HOME:?}/.local"
action=install
while [ $# -gt 0 ]; do
    case "$1" in
    --prefix)
        prefix="${2:?--prefix needs a folder}"
        shift
        ;;
    --uninstall) action=uninstall ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
case "$prefix" in /*) ;; *) prefix="$PWD/$prefix" ;; esac
list="$prefix/share/tributary/installed-files"

# Removes the files of an earlier installation, and folders that are empty then.
remove() {
    [ -f "$list" ] || return 0
    # Read first: the list is one of the files.
    files=$(cat "$list")
    while IFS= read -r file; do
        rm -f -- "$prefix/$file"
    done <<END
$files
END
    while IFS= read -r file; do
        folder=$(dirname -- "$file")
        while [ "$folder" != . ]; do
            rmdir -- "$prefix/$folder" 2>/dev/null || break
            folder=$(dirname -- "$folder")
        done
    done <<END
$files
END
}

if [ "$action" = uninstall ]; then
    [ -f "$list" ] || {
        echo "Tributary is not installed in $prefix" >&2
        exit 1
    }
    remove
    echo "Removed from $prefix. Settings and data stay."
    exit
fi

[ -x "$here/bin/tributary" ] || {
    echo "bin/tributary is missing: run install.sh from its unpacked archive" >&2
    exit 1
}
remove
cd "$here"
mkdir -p "$prefix/share/tributary"
find bin share -type f >"$list.new"
while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname -- "$file")"
    # Not written in place: the program may be running.
    cp -- "$file" "$prefix/$file.new"
    mv -f -- "$prefix/$file.new" "$prefix/$file"
done <"$list.new"
cp install.sh "$prefix/share/tributary/install.sh"
printf '%s\n' share/tributary/install.sh share/tributary/installed-files >>"$list.new"
mv -f -- "$list.new" "$list"
# A desktop session may not have the folder in its PATH.
entry="$prefix/share/applications/tributary.desktop"
escaped=$(printf '%s' "$prefix/bin/tributary" | sed 's/[&|\\]/\\&/g')
sed "s|^Exec=tributary|Exec=\"$escaped\"|" "$entry" >"$entry.new"
mv -f -- "$entry.new" "$entry"

echo "Installed: $prefix/bin/tributary"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "$prefix/bin is not in PATH. Add it in your shell's profile." ;;
esac
echo "Remove it with: $prefix/share/tributary/install.sh --uninstall --prefix $prefix"
