//! The options that name the server and the client.

use std::{error::Error, path::PathBuf};

use clap::{ArgGroup, Args, ValueEnum, builder::NonEmptyStringValueParser};
use portcullis_jose::Algorithm;

use crate::{misuse::misuse, values};

#[derive(Args, Debug)]
#[command(
    group(ArgGroup::new("server").args(["issuer", "token_endpoint"]).required(true).multiple(true)),
    group(ArgGroup::new("credential").args(["client_secret_file", "private_key", "cert"]).required(true)),
)]
pub(crate) struct ClientArgs {
    /// The issuer, whose metadata says where its endpoints are.
    #[arg(long, value_name = "URL")]
    pub(super) issuer: Option<String>,

    /// The token endpoint. With --issuer it replaces the one of the metadata; without, no metadata is read.
    #[arg(long, value_name = "URL")]
    pub(crate) token_endpoint: Option<String>,

    /// The server's issuer identifier, to which assertions are addressed, if it is not discovered.
    #[arg(long, value_name = "URL", conflicts_with = "issuer")]
    pub(super) issuer_id: Option<String>,

    /// Another origin on which endpoints of the metadata may be, to receive the client's credentials. May be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub(super) allow_origin: Vec<String>,

    /// Where the issuer's metadata is, if the issuer cannot be reached at its own URL.
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub(super) discover_at: Option<String>,

    /// Root certificates in PEM, trusted in addition to the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,

    /// The client's id.
    #[arg(long, value_name = "ID")]
    pub(super) client_id: String,

    /// A file with the client's secret. Of several, one per line, the first that the server accepts is used.
    #[arg(long, value_name = "FILE")]
    pub(super) client_secret_file: Option<PathBuf>,

    /// A file with the client's private key, in PEM or as a JWK (private_key_jwt).
    #[arg(long, value_name = "FILE")]
    pub(super) private_key: Option<PathBuf>,

    /// A file with the client's certificate in PEM for TLS (tls_client_auth, self_signed_tls_client_auth). Tokens are
    /// bound to it.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,

    /// A file with the private key of --cert, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,

    /// How the client authenticates with its secret.
    #[arg(
        long,
        value_name = "METHOD",
        value_enum,
        default_value_t,
        conflicts_with_all = ["private_key", "cert"]
    )]
    pub(super) auth: Method,

    /// The algorithm of assertions. Required for a PEM file and for a JWK without `alg`; --auth jwt takes HS256 (the
    /// default), HS384 or HS512.
    #[arg(long, value_name = "ALG", value_parser = values::any_algorithm)]
    pub(super) alg: Option<Algorithm>,

    /// The key id of the private key at the server, instead of the JWK's own.
    #[arg(
        long,
        value_name = "KID",
        conflicts_with_all = ["client_secret_file", "cert"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(super) kid: Option<String>,

    /// Addresses assertions to the URL of the endpoint instead of the issuer, for older servers that require it. Less
    /// safe: the assertion no longer names the server that it is meant for.
    #[arg(long)]
    pub(super) endpoint_audience: bool,

    /// The header `typ` of assertions, instead of `client-authentication+jwt`. Spring Authorization Server up to 1.5
    /// requires JWT.
    #[arg(long, value_name = "TYP")]
    pub(super) assertion_typ: Option<String>,

    /// A file with the certificate of --private-key in PEM, whose thumbprint (`x5t#S256`) goes into the header of
    /// assertions. Entra ID requires it.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub(super) assertion_cert: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// HTTP Basic (client_secret_basic).
    #[default]
    Basic,
    /// The form (client_secret_post).
    Post,
    /// An assertion that it signs (client_secret_jwt).
    Jwt,
}

impl ClientArgs {
    pub(crate) fn is_configured(&self) -> bool {
        self.issuer.is_none()
    }

    pub(crate) fn what_to_check(&self) -> &'static str {
        if self.private_key.is_some() {
            "check --client-id, that the server has the public half of the key, under the same --kid if it uses key ids, \
             and --alg. Older servers may need --endpoint-audience"
        } else if self.cert.is_some() {
            "check --client-id, and that the server knows the certificate or trusts its authority for this client"
        } else if self.auth == Method::Jwt {
            "check --client-id, the secret in the file, --alg and --issuer-id, and whether the server wants another --auth: \
             basic or post. Older servers may need --endpoint-audience"
        } else {
            "check --client-id, the secret in the file, and whether the server wants another --auth: basic, post or jwt"
        }
    }

    /// Checks that clap cannot express.
    pub(super) fn check(&self) -> Result<(), Box<dyn Error>> {
        if self.issuer_id.as_deref().is_some_and(|id| !is_url(id)) {
            let problem = "--issuer-id: invalid URL: write all of it, from https:// on";
            return Err(misuse(problem));
        }
        let has_key = self.private_key.is_some();
        let is_asserted = has_key || self.auth == Method::Jwt;
        for (option, is_given) in [
            ("--alg", self.alg.is_some()),
            ("--endpoint-audience", self.endpoint_audience),
            ("--assertion-typ", self.assertion_typ.is_some()),
        ] {
            if is_given && !is_asserted {
                return Err(misuse(format!(
                    "{option} is for assertions: leave it out, or authenticate with --private-key or --auth jwt"
                )));
            }
        }
        let (signer, algorithms) = match has_key {
            true => ("a private key", &Algorithm::ASYMMETRIC[..]),
            false => ("a client secret", &Algorithm::SYMMETRIC[..]),
        };
        if let Some(alg) = self.alg.filter(|alg| !algorithms.contains(alg)) {
            let known = values::any_of(algorithms);
            return Err(misuse(format!(
                "--alg {alg}: {signer} signs only with {known}: give one of these"
            )));
        }
        let has_addressee =
            !self.is_configured() || self.issuer_id.is_some() || self.endpoint_audience;
        if is_asserted && !has_addressee {
            return Err(misuse(
                "assertions are addressed to the issuer: give --issuer-id URL beside --token-endpoint",
            ));
        }
        Ok(())
    }
}

fn is_url(text: &str) -> bool {
    let has_scheme = text.starts_with("https://") || text.starts_with("http://");
    has_scheme && !text.contains(|character: char| character.is_whitespace())
}
