//! A datagram socket in the place of systemd's.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use monitoring::ServiceManager;

fn next(socket: &UnixDatagram) -> Option<String> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(String::from_utf8(buffer[..length].to_vec()).expect("text"))
}

fn short(socket: UnixDatagram) -> UnixDatagram {
    let patience = Some(Duration::from_millis(100));
    socket.set_read_timeout(patience).expect("a time limit");
    socket
}

#[test]
fn messages_are_those_of_the_protocol() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = short(UnixDatagram::bind(&path).expect("a socket"));
    let manager = ServiceManager::at(Some(path.as_os_str()), Some(Duration::from_millis(80)));
    assert!(manager.listens() && manager.every() == Some(Duration::from_millis(20)));

    manager.ready("begins");
    assert_eq!(next(&socket).as_deref(), Some("READY=1\nSTATUS=begins"));
    manager.status("a text\nREADY=1\r\0and more");
    assert_eq!(
        next(&socket).as_deref(),
        Some("STATUS=a text READY=1  and more"),
        "a text is no second message"
    );
    manager.status_now_and_then(|| "too soon".to_owned());
    manager.alive();
    assert_eq!(next(&socket).as_deref(), Some("WATCHDOG=1"));
    manager.alive();
    assert_eq!(next(&socket), None, "a sign of life that is not due");
    manager.alive();
    assert_eq!(next(&socket).as_deref(), Some("WATCHDOG=1"));
    manager.stopping("done");
    assert_eq!(next(&socket).as_deref(), Some("STOPPING=1\nSTATUS=done"));
}

#[test]
fn an_abstract_name_is_an_address_too() {
    let name = format!("cds-tools-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
    let socket = short(UnixDatagram::bind_addr(&address).expect("a socket"));
    let manager = ServiceManager::at(Some(format!("@{name}").as_ref()), None);
    manager.ready("here");
    assert_eq!(next(&socket).as_deref(), Some("READY=1\nSTATUS=here"));
    manager.alive();
    assert_eq!(next(&socket), None, "nobody asked for signs of life");
}

/// As where systemd was restarted, or the program was started by hand.
#[test]
fn nobody_who_listens_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let manager = ServiceManager::at(Some(path.as_os_str()), Some(Duration::from_secs(1)));
    drop(socket);
    manager.ready("to nobody");
    for address in [None, Some("relative"), Some(""), Some("vsock:2:1")] {
        let manager = ServiceManager::at(address.map(AsRef::as_ref), Some(Duration::from_secs(1)));
        assert!(!manager.listens(), "{address:?}");
        manager.ready("to nobody");
        manager.alive();
        manager.status_now_and_then(|| unreachable!("nobody reads it"));
    }
}

/// A manager that has stopped reading: its queue is full, and the program goes on.
#[test]
fn a_full_queue_does_not_stop_a_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let _socket = UnixDatagram::bind(&path).expect("a socket");
    let begun = std::time::Instant::now();
    let filling = ServiceManager::at(Some(path.as_os_str()), None);
    // The kernel keeps a few datagrams a socket, some hundreds where it was told so.
    while begun.elapsed() < Duration::from_millis(900) {
        filling.status("one more");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
}
