//! Reads from a socket with a timeout.

use std::{
    io::{self, Read},
    net::TcpStream,
};

/// Adds the next bytes to `read`. An error if no more bytes come.
pub fn more(mut socket: &TcpStream, read: &mut Vec<u8>) -> io::Result<()> {
    let mut bytes = [0; 16 << 10];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                read.extend_from_slice(&bytes[..count]);
                return Ok(());
            }
            // A process that was stopped goes on with this error if the socket has a timeout (`signal(7)`).
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
