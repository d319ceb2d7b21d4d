//! Whether a folder is on a network file system.
//!
//! Linux tells it by the magic number of the file system (`statfs(2)`). All file systems in user space (FUSE) have one
//! number, also local ones such as NTFS, so these are judged by their name in the table of mounts; an unknown name
//! counts as local. A disk that two machines share as a block device is not recognised. Other systems are not asked.

use std::path::Path;

#[cfg(target_os = "linux")]
use super::device::mount_of;

/// The name of the network file system that `path` is on, or that it would be created on. `None`: a local one, or the
/// system does not tell.
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        let path = std::path::absolute(path).ok()?;
        let (folder, status) =
            path.ancestors().find_map(|folder| Some((folder, rustix::fs::statfs(folder).ok()?)))?;
        let magic = u32::try_from(status.f_type).ok()?;
        if magic == FUSE {
            let mount = mount_of(folder)?;
            return name_of_fuse(&mount.kind, &mount.source);
        }
        name_of(magic)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

/// Sources: `linux/magic.h` (FUSE, NFS, SMB, AFS, Ceph, 9p, Coda) and `stat.c` of GNU coreutils (the others).
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

#[cfg(target_os = "linux")]
fn name_of(magic: u32) -> Option<&'static str> {
    Some(match magic {
        // Also Amazon EFS.
        0x6969 => "NFS",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x00C3_6400 => "CephFS",
        // Folders of the host in a virtual machine, and Windows drives in WSL.
        0x0102_1997 => "9p",
        0x7375_7245 => "Coda",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0xAAD7_AAEA => "PanFS",
        0x786F_4256 => "vboxsf",
        0xBACB_ACBC => "vmhgfs",
        0x7C7C_6673 => "prl_fs",
        _ => return None,
    })
}

/// The type is `fuse.NAME`, or `fuse` alone: then most programs name themselves as the source.
#[cfg(target_os = "linux")]
fn name_of_fuse(kind: &str, source: &str) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "sshfs",
        "s3fs",
        "mountpoint-s3",
        "gcsfuse",
        "blobfuse2",
        "rclone",
        "goofys",
        "glusterfs",
        "ceph-fuse",
        "juicefs",
        "mfs",
        "curlftpfs",
        "davfs",
        "vmhgfs-fuse",
    ];
    let name = kind.strip_prefix("fuse.").unwrap_or(source);
    NAMES.into_iter().find(|known| *known == name)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number_and_local_ones_are_not_taken_for_one() {
        for (magic, name) in [
            (0x6969, "NFS"),
            (0x517B, "SMB"),
            (0xFF53_4D42, "SMB"),
            (0xFE53_4D42, "SMB"),
            (0x5346_414F, "AFS"),
            (0x00C3_6400, "CephFS"),
            (0x0102_1997, "9p"),
            (0x0BD0_0BD0, "Lustre"),
        ] {
            assert_eq!(name_of(magic), Some(name), "{magic:#x}");
        }
        // ext4, XFS, Btrfs, ZFS, tmpfs, overlay, F2FS, exFAT.
        for magic in [
            0xEF53,
            0x5846_5342,
            0x9123_683E,
            0x2FC1_2FC1,
            0x0102_1994,
            0x794C_7630,
            0xF2F5_2010,
            0x2011_BAB0,
        ] {
            assert_eq!(name_of(magic), None, "{magic:#x}");
        }
    }

    #[test]
    fn a_file_system_in_user_space_is_judged_by_its_name() {
        assert_eq!(name_of_fuse("fuse.sshfs", "ada@host:/data"), Some("sshfs"));
        assert_eq!(name_of_fuse("fuse", "mountpoint-s3"), Some("mountpoint-s3"));
        // NTFS, an encrypted folder, and a folder whose source has the name of a network file system.
        for (kind, source) in
            [("fuseblk", "/dev/sdb1"), ("fuse.gocryptfs", "/home/ada/.vault"), ("fuse.bindfs", "sshfs")]
        {
            assert_eq!(name_of_fuse(kind, source), None, "{kind}");
        }
    }

    #[test]
    fn a_local_folder_is_local_also_before_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path(), &folder.path().join("not/there"), Path::new("not-there")] {
            assert_eq!(network_file_system(path), None, "{}", path.display());
        }
    }
}
