//! Which device a path is on, for error texts.

use std::{fs, path::Path};

/// The device that `path` is on, as text: `/dev/sda1, ext4, mounted at /`. `None`: the system does not tell.
///
/// Source: `proc_pid_mountinfo(5)`. The longest mount point that is a prefix of the path counts.
pub fn device_of(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    device_in(&mounts, &path)
}

fn device_in(mounts: &str, path: &Path) -> Option<String> {
    let mount = |line: &str| -> Option<(String, String, String)> {
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
        Some((plain(point), plain(kind), plain(source)))
    };
    let on = mounts.lines().filter_map(mount).filter(|(point, ..)| path.starts_with(point));
    // Of two mounts at one point the last covers the first: `max_by_key` takes the last.
    let (point, kind, source) = on.max_by_key(|(point, ..)| point.len())?;
    Some(format!("{source}, {kind}, mounted at {point}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_a_path_is_the_one_mounted_nearest_to_it() {
        let mounts = "\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:26 / /var/lib rw - tmpfs tmpfs rw
31 21 253:3 / /mnt/my\\040disk rw,noatime shared:9 - xfs /dev/mapper/pool-events rw,attr2
";
        let device = |path: &str| device_in(mounts, Path::new(path)).unwrap();
        assert_eq!(device("/var/libs/x"), "/dev/vda, ext4, mounted at /");
        assert_eq!(device("/var/lib/x"), "tmpfs, tmpfs, mounted at /var/lib");
        assert_eq!(device("/mnt/my disk/data"), "/dev/mapper/pool-events, xfs, mounted at /mnt/my disk");
        assert_eq!(device_in("", Path::new("/x")), None);
    }
}
