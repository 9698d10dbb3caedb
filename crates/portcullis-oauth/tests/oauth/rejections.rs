//! Answers that reject a client's credential.

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, ClientSecrets, OAuthEndpoint};

use crate::dpop::TokenEndpoint;

#[tokio::test]
async fn next_secret_is_tried_after_a_401_whose_body_breaks_off_or_is_too_large() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

    for length in [100, 1_000_000] {
        let rejected =
            format!("HTTP/1.1 401 X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{{");
        let endpoint = TokenEndpoint::start(vec![rejected, GOOD.to_owned()]).await;
        let server = AuthorizationServer::token_endpoint(&endpoint.url).build();
        let client = ClientAuthentication::secret_post("c", ClientSecrets::new(["old", "s"]));
        let form = [("grant_type", "client_credentials")];
        let server = server.expect("a server");
        let answer = server.post(OAuthEndpoint::Token, &client, &form).await;
        assert_eq!(answer.expect("an answer").status(), 200, "{length}");
    }
}
