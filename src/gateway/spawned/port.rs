//! Finds a free port, and the process that listens on a port. Linux provides this in `/proc`. On other systems, the
//! gateway's own error message is the only evidence.

use crate::gateway::process_tree;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};

/// The distances of a second and a third server that some gateways open above their port.
const NEIGHBOURS: [u16; 2] = [2, 3];
/// The maximum number of attempts to find a port with free neighbors.
const TRIES: u32 = 64;

/// A free port on 127.0.0.1. The ports of the second and third server and the `further` ports are also free.
pub(crate) fn free(further: &[u16]) -> io::Result<u16> {
    for _ in 0..TRIES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        if are_vacant(port, NEIGHBOURS.iter().chain(further)) {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port with free neighbours was found on 127.0.0.1"))
}

/// Whether the ports at these distances above a port are free on 127.0.0.1.
fn are_vacant<'a>(port: u16, mut distances: impl Iterator<Item = &'a u16>) -> bool {
    distances.all(|distance| {
        port.checked_add(*distance).is_some_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    })
}

/// Messages of a gateway whose port is in use.
pub(crate) const IN_USE: [&str; 4] =
    ["EADDRINUSE", "ddress already in use", "is already in use", "another gateway instance is already listening"];

/// A process and its descendants, as the owner of a port.
#[derive(Debug, Clone)]
pub(crate) struct ProcessTree {
    root: u32,
}

impl ProcessTree {
    pub(crate) fn new(root: u32) -> Self {
        Self { root }
    }

    /// Whether one of the processes listens on this port. Also `true` if the system does not provide this
    /// information.
    pub(crate) fn listens(&self, port: u16) -> bool {
        let Some(mut listeners) = listeners() else { return true };
        let mut family = None;
        listeners.any(|(found, socket)| {
            found == port && {
                let family = family.get_or_insert_with(|| process_tree::members(self.root));
                is_held(&socket, family)
            }
        })
    }

    /// The ports on which the processes listen. Empty if the system does not provide this information.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let family = process_tree::members(self.root);
        let ports = listeners().into_iter().flatten();
        let ports = ports.filter_map(|(port, socket)| is_held(&socket, &family).then_some(port));
        ports.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The length of a row of proc_net_tcp(5), in bytes.
const ROW: usize = 150;

/// The listening sockets: the port, and the socket in the form of `/proc/PID/fd`. `None`: the system does not provide this
/// information.
///
/// Each table begins with the listening sockets. It is read row by row up to the first other socket, because the kernel
/// searches a large table for the others.
fn listeners() -> Option<impl Iterator<Item = (u16, String)>> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(File::open);
    let of_table = |table| {
        let rows = BufReader::with_capacity(ROW, table).lines().map_while(Result::ok).skip(1);
        rows.map_while(|row| listener(&row))
    };
    tables.iter().any(Result::is_ok).then(|| tables.into_iter().flatten().flat_map(of_table))
}

/// Columns of proc_net_tcp(5): local address and port in hex, remote, state (0A: listening), ..., inode.
fn listener(row: &str) -> Option<(u16, String)> {
    let mut columns = row.split_ascii_whitespace();
    let (local, state) = (columns.nth(1)?, columns.nth(1)?);
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    (state == "0A").then_some((port, format!("socket:[{}]", columns.nth(5)?)))
}

/// Whether one of the processes has this socket.
fn is_held(socket: &str, family: &[u32]) -> bool {
    family.iter().any(|process| {
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| target.as_os_str() == socket)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_own_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ours = ProcessTree::new(std::process::id());
        assert!(ours.listens(port) && ours.ports().contains(&port));
        assert!(!ours.listens(0), "no socket listens on this port");
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!ProcessTree::new(other.id()).listens(port) && ProcessTree::new(other.id()).ports().is_empty());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn skips_port_with_used_neighbour() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port() - 9;
        assert!(!are_vacant(port, [9].iter()));
        assert!(!are_vacant(u16::MAX, [1].iter()), "there is no such port");
        assert!(are_vacant(port, [].iter()));
        drop(listener);
        assert!((0..20).any(|_| {
            // Other tests take ports at the same time.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            are_vacant(port, [0].iter())
        }));
    }

    /// Several attempts, because other tests take ports at the same time.
    #[test]
    fn finds_free_port() {
        assert!((0..20).any(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free(&[1, 9]).unwrap())).is_ok()));
    }
}
