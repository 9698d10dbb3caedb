//! What the program prints.

use std::{io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

/// Longer than anything takes; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_serves_when_nobody_reads_what_it_prints() {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders-api"));
    command
        .args(["--listen", &address, "--demo-issuer-listen", "127.0.0.1:0"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(writer)
        .kill_on_drop(true);
    let mut service = command.spawn().expect("it starts");
    let ready = timeout(PATIENCE, ready(&mut service, &address)).await;
    ready.expect("it is ready in time");
    assert_eq!(service.try_wait().expect("a child"), None);
}

/// Asks until the service is ready.
async fn ready(service: &mut Child, address: &str) {
    loop {
        assert_eq!(service.try_wait().expect("a child"), None, "it has ended");
        if ask(address)
            .await
            .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
        {
            return;
        }
    }
}

async fn ask(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
