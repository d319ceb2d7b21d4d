#!/usr/bin/env bash
# Runs the program on a disk that really fails, like a thin-provisioned disk whose pool is full: the file system has space,
# the disk below it has none, so writing pages back fails (EIO or ENOSPC from a sync) and Linux marks those pages clean. Then
# there is space again. Later the file system is mounted again, which shows the real content of the disk.
#
#   tests/powerloss/thin.sh             both cases: a sync of the checkpoint fails, a sync of a commit fails
#   tests/powerloss/thin.sh copying     the first case alone
#   tests/powerloss/thin.sh commit      the second case alone
#
# Needs root, Linux with zram and loop devices, and mkfs.ext4. It uses a new zram device (the disk: compressed memory with a
# limit), a loop device (the journal, which never fails), 200 MB in /dev/shm and a mount point in it, and removes them at the
# end. The test calls `thin.sh heal` and `thin.sh remount` while it runs.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${TRIBUTARY_POWERLOSS_THIN:-}"
device() { echo "zram$(cat "$work/number")"; }

make_disk() { # $1: kilobytes that the disk takes before it fails
    cat /sys/class/zram-control/hot_add >"$work/number"
    head -c 160M /dev/urandom >"$work/journal.img"
    losetup --show -f "$work/journal.img" >"$work/loop"
    echo 3G >"/sys/block/$(device)/disksize"
    mke2fs -q -O journal_dev -b 4096 "$(cat "$work/loop")"
    mkfs.ext4 -q -b 4096 -N 2048 -E nodiscard,lazy_itable_init=0 -J device="$(cat "$work/loop")" "/dev/$(device)"
    mkdir "$work/mount"
    mount "/dev/$(device)" "$work/mount"
    sync
    local used
    used="$(awk '{print $3}' "/sys/block/$(device)/mm_stat")"
    echo $((used + $1 * 1024)) >"/sys/block/$(device)/mem_limit"
}

remove_disk() {
    ! mountpoint -q "$work/mount" || umount "$work/mount"
    if [[ -s "$work/number" ]]; then
        echo 1 >"/sys/block/$(device)/reset"
        cat "$work/number" >/sys/class/zram-control/hot_remove
    fi
    [[ ! -s "$work/loop" ]] || losetup -d "$(cat "$work/loop")"
    rm -rf "$work"
}

run_case() {
    local kilobytes
    case "$1" in
        # The size at which the checkpoint meets the full disk, and not a commit, depends on the kernel.
        copying) kilobytes=3200 ;;
        commit) kilobytes=900 ;;
        *) sed -n '2,12p' "${BASH_SOURCE[0]}"; exit 2 ;;
    esac
    work="$(mktemp -d /dev/shm/tributary-thin.XXXXXX)"
    trap remove_disk EXIT
    make_disk "$kilobytes"
    (cd "$here/../.." && TRIBUTARY_POWERLOSS_THIN="$work" TRIBUTARY_POWERLOSS_THIN_CASE="$1" \
        cargo test --test powerloss -- --exact thin::a_disk_without_room_below_its_file_system_loses_nothing --nocapture)
    remove_disk
    trap - EXIT
}

case "${1:-}" in
    heal) echo 0 >"/sys/block/$(device)/mem_limit" ;;
    remount)
        umount "$work/mount"
        mount "/dev/$(device)" "$work/mount"
        ;;
    "")
        run_case copying
        run_case commit
        ;;
    *) run_case "$1" ;;
esac
