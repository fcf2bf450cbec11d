//! Messages over a real socket, pages in real files.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod pages;
mod sockets;
