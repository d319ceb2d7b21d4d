//! What a server of a test received.

use std::net::TcpStream;

use crate::reading;

/// Head and body of the next request; `None`: it is not whole.
pub fn request(socket: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        match read.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None => reading::more(socket, &mut read).ok()?,
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let length: usize =
        head.to_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    while read.len() < end + length {
        reading::more(socket, &mut read).ok()?;
    }
    read.truncate(end + length);
    Some((head, read.split_off(end)))
}
