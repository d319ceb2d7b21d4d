//! Reads from a socket that has a time limit.

use std::{
    io::{self, Read},
    net::TcpStream,
};

/// Adds what comes next to `read`. An error where nothing comes any more.
pub fn more(mut socket: &TcpStream, read: &mut Vec<u8>) -> io::Result<()> {
    let mut bytes = [0; 16 << 10];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                read.extend_from_slice(&bytes[..count]);
                return Ok(());
            }
            // A process that was stopped goes on so, where the socket has a time limit (`signal(7)`).
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
