//! The private PostgreSQL server.

use std::env;
use std::io::{BufRead, BufReader, read_to_string, stdin};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use portcullis_test_servers::PostgreSql;

const COMMITTED: &str = "create table fruits (name text); insert into fruits values ('fig')";

#[test]
fn data_survives_a_kill_at_the_same_port() {
    let mut server = PostgreSql::start();
    let database = server.database();
    database.execute(COMMITTED);
    let address = server.address();
    server.kill();
    assert!(TcpStream::connect(address).is_err());
    server.start_again();
    assert_eq!(server.address(), address);
    assert_eq!(database.execute("select name from fruits"), "fig");
    assert!(database.dump().contains("fig"));
    server.stop();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn paused_server_answers_once_resumed() {
    let server = PostgreSql::start();
    let database = server.database();
    server.pause();
    let waiting = std::thread::spawn(move || database.execute("select 1"));
    // The kernel accepts the connection.
    assert!(TcpStream::connect(server.address()).is_ok());
    assert!(!waiting.is_finished());
    server.resume();
    assert_eq!(waiting.join().expect("an answer"), "1");
}

#[test]
fn databases_are_separate_and_a_password_is_needed() {
    let server = PostgreSql::shared();
    let [one, other] = [server.database(), server.database()];
    one.execute(COMMITTED);
    let error = other.try_execute("select name from fruits");
    assert!(error.expect_err("another database").contains("fruits"));
    let psql = |password: &str| {
        let mut psql = Command::new("psql");
        let psql = psql.args([
            "--no-password",
            "-c",
            "select 1",
            &one.url_needing_password(),
        ]);
        let output = psql.env("PGPASSWORD", password).output();
        output.expect("psql runs").status.success()
    };
    assert!(psql(PostgreSql::PASSWORD));
    assert!(!psql("wrong"));
}

#[test]
fn server_ends_when_its_test_process_is_killed() {
    const VARIABLE: &str = "PORTCULLIS_UNTIL_KILLED";
    const NAME: &str = "server_ends_when_its_test_process_is_killed";
    if env::var_os(VARIABLE).is_some() {
        let server = PostgreSql::start();
        let folder = server.execute("show data_directory");
        println!("\nstarted {} {folder}", server.address());
        let _ = read_to_string(stdin());
        return;
    }
    let mut test = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", NAME, "--nocapture"])
        .env(VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(test.stdout.take().expect("a pipe")).lines();
    let started = lines.find_map(|line| Some(line.ok()?.strip_prefix("started ")?.to_owned()));
    let started = started.expect("it starts a server");
    let (address, folder) = started.split_once(' ').expect("two words");
    let address: SocketAddr = address.parse().expect("an address");
    assert!(TcpStream::connect(address).is_ok());
    test.kill().expect("it runs");
    test.wait().expect("it ends");
    let is_gone = || TcpStream::connect(address).is_err() && !Path::new(folder).exists();
    for _ in 0..1_000 {
        if is_gone() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{started} is still there");
}
