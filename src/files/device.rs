//! Which mount and device a path is on.

use std::{fs, path::Path};

/// A mount.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    point: String,
    /// The type of the file system: `ext4`, `fuse.sshfs`.
    pub(super) kind: String,
    /// The device, or what else the file system names here.
    pub(super) source: String,
}

/// The device that `path` is on, as text for an error: `/dev/sda1, ext4, mounted at /`. `None`: the system does not tell.
pub fn device_of(path: &Path) -> Option<String> {
    let Mount { point, kind, source } = mount_of(path)?;
    Some(format!("{source}, {kind}, mounted at {point}"))
}

/// The mount that `path` is on. `None`: the system does not tell.
///
/// Source: `proc_pid_mountinfo(5)`. The longest mount point that is a prefix of the path counts.
pub(super) fn mount_of(path: &Path) -> Option<Mount> {
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mount_in(&mounts, &path)
}

fn mount_in(mounts: &str, path: &Path) -> Option<Mount> {
    let mount = |line: &str| -> Option<Mount> {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        let mut kind_and_source = after.split(' ');
        let (kind, source) = (kind_and_source.next()?, kind_and_source.next()?);
        // Four characters that would break the line are escaped.
        let plain = |text: &str| {
            [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
                .iter()
                .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
        };
        Some(Mount { point: plain(point), kind: plain(kind), source: plain(source) })
    };
    let on = mounts.lines().filter_map(mount).filter(|mount| path.starts_with(&mount.point));
    // Of two mounts at one point the last covers the first: `max_by_key` takes the last.
    on.max_by_key(|mount| mount.point.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_a_path_is_the_one_nearest_to_it() {
        let mounts = "\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:26 / /var/lib rw - tmpfs tmpfs rw
31 21 253:3 / /mnt/my\\040disk rw,noatime shared:9 - xfs /dev/mapper/pool-events rw,attr2
";
        let mount = |path: &str| {
            let Mount { point, kind, source } = mount_in(mounts, Path::new(path)).unwrap();
            [point, kind, source]
        };
        assert_eq!(mount("/var/libs/x"), ["/", "ext4", "/dev/vda"]);
        assert_eq!(mount("/var/lib/x"), ["/var/lib", "tmpfs", "tmpfs"]);
        assert_eq!(mount("/mnt/my disk/data"), ["/mnt/my disk", "xfs", "/dev/mapper/pool-events"]);
        assert_eq!(mount_in("", Path::new("/x")), None);
    }
}
