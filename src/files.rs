//! Small files and folders that survive a power cut, which file, device and kind of file system a path names, and what
//! other users can do with a file.
//!
//! Absent on purpose: what the files mean; each owner validates what it reads.

mod access;
mod device;
mod folder;
mod identity;
mod network;
mod replace;

pub use access::{keep_others_out, mode_if_read_by_all, open_private, planted_in, writers_of};
pub use device::device_of;
pub use folder::{create_folder, sync_folder, sync_parents};
pub use identity::Identity;
pub use network::network_file_system;
pub use replace::{
    NewFile, add_name, create, remove_if_there, replace, replace_json, replace_private, take_name,
};
