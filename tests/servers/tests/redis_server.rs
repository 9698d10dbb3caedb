//! The private Redis server.

use std::net::TcpStream;

use portcullis_test_servers::Redis;

#[test]
fn data_survives_a_kill_at_the_same_port() {
    let mut server = Redis::start();
    assert_eq!(server.execute("SET fruit fig"), "+OK");
    let address = server.address();
    server.kill();
    assert!(TcpStream::connect(address).is_err());
    server.start_again();
    assert_eq!(server.address(), address);
    assert_eq!(server.execute("STRLEN fruit"), ":3");
    server.stop();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn paused_server_answers_once_resumed() {
    let server = Redis::start();
    server.pause();
    let url = server.url();
    assert!(url.starts_with("redis://127.0.0.1:"), "{url}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.execute("PING"));
        assert!(!waiting.is_finished());
        server.resume();
        assert_eq!(waiting.join().expect("an answer"), "+PONG");
    });
}
