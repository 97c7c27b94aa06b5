//! A line that breaks: carries so much of what a server answers, and then nothing more.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What becomes of who comes after it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Connections are taken, and reset (RST) at once.
    Reset,
    /// Nobody listens any more.
    Refuse,
}

/// A line that breaks once so many bytes have come from the server, in all connections together; those that are open
/// then are reset.
#[derive(Debug)]
pub struct Cut {
    address: SocketAddr,
}

impl Cut {
    /// Starts one to this address. It stays as long as the test runs, or until it refuses.
    pub fn start(to: SocketAddr, bytes: usize, then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let left = Arc::new(Mutex::new(bytes));
        thread::spawn(move || {
            loop {
                let is_cut = *left.lock().unwrap() == 0;
                match listener.accept() {
                    _ if is_cut && then == Then::Refuse => return,
                    Ok((client, _)) if is_cut => reset(&client),
                    Ok((client, _)) => {
                        let left = Arc::clone(&left);
                        thread::spawn(move || drop(carry(&client, to, &left)));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        thread::sleep(Duration::from_millis(2));
                    }
                    Err(_) => return,
                }
            }
        });
        Self { address }
    }

    /// `http://127.0.0.1:PORT/simple/`, for an index whose links are relative.
    pub fn index_url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }
}

fn carry(client: &TcpStream, to: SocketAddr, left: &Mutex<usize>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let mut server = TcpStream::connect(to)?;
    let (mut requests, mut forward) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut requests, &mut forward);
        let _ = forward.shutdown(Shutdown::Both);
    });
    let mut piece = [0; 4096];
    let mut writer = client;
    while let length @ 1.. = server.read(&mut piece)? {
        let through = {
            let mut left = left.lock().unwrap();
            let through = length.min(*left);
            *left -= through;
            through
        };
        writer.write_all(&piece[..through])?;
        if through < length {
            reset(client);
            return server.shutdown(Shutdown::Both);
        }
    }
    client.shutdown(Shutdown::Both)
}

/// Has a connection reset as soon as nobody holds it any more, and whoever reads from it lets go.
fn reset(client: &TcpStream) {
    let _ = set_socket_linger(client, Some(Duration::ZERO));
    let _ = client.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers whoever says something with so many bytes.
    fn server(bytes: usize) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                thread::spawn(move || {
                    client.read_exact(&mut [0; 4]).unwrap();
                    // Who is cut off does not take it.
                    let _ = client.write_all(&vec![7; bytes]);
                });
            }
        });
        address
    }

    fn ask(line: &Cut) -> io::Result<usize> {
        let mut client = TcpStream::connect(line.address)?;
        client.write_all(b"all!")?;
        let mut answer = Vec::new();
        let read = client.read_to_end(&mut answer);
        read.map(|_| answer.len())
    }

    #[test]
    fn what_is_within_the_measure_comes_and_then_everybody_is_reset() {
        let line = Cut::start(server(1000), 2500, Then::Reset);
        assert_eq!((ask(&line).unwrap(), ask(&line).unwrap()), (1000, 1000));
        for _ in 0..2 {
            assert_eq!(ask(&line).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn a_line_that_refuses_does_not_listen_any_more() {
        let line = Cut::start(server(1000), 500, Then::Refuse);
        ask(&line).unwrap_err();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(ask(&line).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
