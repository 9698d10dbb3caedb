//! Single requests, to see that the services do what they are measured for.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::Running,
    service::{Kind, PATH},
};

/// How long a service may take to fetch the issuer's keys.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks that the token lets a caller in, and that the suite and its rival refuse callers without it, and with one whose
/// signature is another's. The bare service lets everyone in, and the floor has no answer to others.
pub(crate) fn check(kind: Kind, service: &Running, token: &str) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    while status(service, Some(token))? != 200 {
        if start.elapsed() > PATIENCE {
            return Err(format!("the {} service refuses the token", kind.name()).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let expected = match kind {
        Kind::Bare => 200,
        Kind::Floor => return Ok(()),
        Kind::Suite | Kind::Rival => 401,
    };
    for (what, token) in [
        ("no token", None),
        ("a forged token", Some(&*forged(token))),
    ] {
        let status = status(service, token)?;
        if status != expected {
            let kind = kind.name();
            return Err(
                format!("the {kind} service answers {status} to {what}, not {expected}").into(),
            );
        }
    }
    Ok(())
}

/// The same token, its signature changed in the middle.
fn forged(token: &str) -> String {
    let signature = token.rfind('.').map_or(0, |dot| dot + 1);
    let at = usize::midpoint(signature, token.len());
    let other = if token.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

fn status(service: &Running, token: Option<&str>) -> Result<u16, Box<dyn Error>> {
    let mut stream = TcpStream::connect(("127.0.0.1", service.port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let credentials = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let request =
        format!("GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{credentials}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let status = String::from_utf8_lossy(&answer)
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.ok_or_else(|| "the answer is not HTTP".into())
}
