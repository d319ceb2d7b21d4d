//! The operating system's limits for this process: open files and address space.

/// Address space (not memory in use) below which allocations fail under load; measured: 400 MiB fails, 600 MiB does not.
pub(super) const ADDRESS_SPACE_MIB_MIN: u64 = 600;

/// The limit of open files to ask the system for: idle senders alone would reach common default limits.
const FILES_WANTED: u64 = 65_536;

/// Raises the limit of open files and connections as far as the system allows; returns the limit.
pub(super) fn raise_open_files() -> u64 {
    const USUAL: u64 = 256;
    let limit = rlimit::increase_nofile_limit(FILES_WANTED).unwrap_or_else(|error| {
        tracing::debug!("the limit of open files stays as it is: {error}");
        USUAL
    });
    tracing::debug!("the limit of open files is {limit}");
    limit
}

/// The limit of this process's address space in MiB, if it is too low. It is checked at the start, because a failed allocation
/// under load would abort the process.
#[cfg(unix)]
pub(super) fn too_little_address_space() -> Option<u64> {
    let limit = rlimit::Resource::AS.get_soft().unwrap_or(rlimit::INFINITY) >> 20;
    Some(limit).filter(|limit| *limit < ADDRESS_SPACE_MIB_MIN)
}

#[cfg(not(unix))]
pub(super) fn too_little_address_space() -> Option<u64> {
    None
}
