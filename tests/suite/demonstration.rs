//! `orders-api` without any configuration.

use std::process::Command;
use std::time::Duration;

use portcullis_tests::{Service, program};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(30);

async fn start() -> Service {
    Service::spawn("orders-api", &["--demo-issuer-listen", "127.0.0.1:0"]).await
}

#[tokio::test]
async fn printed_curl_commands_return_200_200_401_403() {
    let service = start().await;
    let lines: Vec<&String> = service
        .printed()
        .iter()
        .filter(|line| line.starts_with("curl "))
        .collect();
    let statuses = lines.iter().map(|line| status_of_pasted(line));
    assert_eq!(statuses.collect::<Vec<_>>(), ["200", "200", "401", "403"]);
}

/// Runs a line in a shell with an empty environment. Returns the status in its output.
fn status_of_pasted(line: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir("/")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout);
    let status = printed.split_whitespace().nth(1).unwrap_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        panic!("no status in the output of {line}: {printed}{complaint}")
    });
    status.to_owned()
}

#[tokio::test]
async fn output_and_log_contain_no_secret() {
    let service = start().await;
    let text = format!("{}\n{}", service.printed().join("\n"), service.log());
    let paths = text.split(|c: char| c.is_whitespace() || "@,\"'".contains(c));
    let secrets: Vec<String> = paths
        .filter(|word| word.starts_with('/'))
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    assert!(
        !secrets.is_empty(),
        "the named files contain secrets: {text}"
    );
    for secret in secrets {
        let secret = secret.rsplit(' ').next().unwrap_or_default().trim();
        assert!(secret.len() > 20 && !text.contains(secret));
    }
}

#[test]
fn help_tells_how_to_log_refusals() {
    for name in ["orders-api", "billing-worker"] {
        let output = Command::new(program(name)).arg("--help").output();
        let help = String::from_utf8(output.expect("it runs").stdout).expect("text");
        let filter = "RUST_LOG=info,portcullis_core=debug";
        assert!(help.contains(filter), "{help}");
    }
}

#[tokio::test]
async fn non_loopback_address_is_an_error() {
    for flag in ["--listen", "--demo-issuer-listen"] {
        let mut command = tokio::process::Command::new(program("orders-api"));
        command.args([flag, "0.0.0.0:0"]).kill_on_drop(true);
        let output = timeout(TIMEOUT, command.output()).await;
        let output = output.expect("it ends").expect("it starts");
        assert!(!output.status.success());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("loopback"), "{complaint}");
        assert!(output.stdout.is_empty());
    }
}
