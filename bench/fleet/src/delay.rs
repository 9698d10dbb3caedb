//! A proxy that makes a database slow.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Outcome;

/// Forwards connections, and each answer only after a delay. It ends when this is dropped.
pub(crate) struct Delay {
    pub(crate) address: SocketAddr,
    _connections: JoinSet<()>,
}

impl Delay {
    pub(crate) async fn start(target: SocketAddr, delay: Duration) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(async move {
                    // Whoever opened the connection sees the end of it.
                    let _ = forward(client, target, delay).await;
                });
            }
        });
        Ok(Self {
            address,
            _connections: connections,
        })
    }
}

async fn forward(mut client: TcpStream, target: SocketAddr, delay: Duration) -> Outcome<()> {
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut questions, mut to_client) = client.split();
    let (mut answers, mut to_server) = server.split();
    let slowly = async {
        let mut part = vec![0; 64 * 1024];
        loop {
            let length = answers.read(&mut part).await?;
            sleep(delay).await;
            if length == 0 {
                return Ok(());
            }
            to_client.write_all(&part[..length]).await?;
        }
    };
    tokio::select! {
        ended = slowly => ended,
        ended = copy(&mut questions, &mut to_server) => ended.map(|_| ()).map_err(Into::into),
    }
}
