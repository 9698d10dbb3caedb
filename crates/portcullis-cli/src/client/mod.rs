//! The client that a command acts as, and its authorization server.

mod arguments;
mod file;
mod signing_key;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use portcullis_client::{
    AuthorizationServer, AuthorizationServerBuilder, ClientAuthentication, ClientCertificate,
    ClientSecrets,
};
use portcullis_core::ConfigError;
use portcullis_jose::Algorithm;

use self::arguments::Method;
pub(crate) use self::{
    arguments::ClientArgs,
    file::{http_settings, read as read_file},
    signing_key::read_dpop as read_dpop_key,
};
use crate::misuse::misuse;

impl ClientArgs {
    pub(crate) fn open(
        &self,
        revocation_endpoint: Option<&str>,
    ) -> Result<(AuthorizationServer, ClientAuthentication), Box<dyn Error>> {
        self.check()?;
        let mut server = self.server()?;
        if let Some(url) = revocation_endpoint {
            server = server.revocation_endpoint(url);
        }
        let server = server.build().map_err(|error| self.unusable(&error))?;
        let authentication = self.authentication()?;
        let checked = server.check(&authentication);
        checked.map_err(|error| self.unusable(&error))?;
        Ok((server, authentication))
    }

    pub(crate) fn unusable(&self, error: &ConfigError) -> Box<dyn Error> {
        let problem = error.problem();
        let in_file = |option: &str, path: &Option<PathBuf>| {
            let path = path.as_deref().unwrap_or(Path::new("")).display();
            format!("--{option} {path}: {problem}").into()
        };
        let option = match error.setting() {
            "root_certificates" => return in_file("ca", &self.ca),
            "secrets" => return in_file("client-secret-file", &self.client_secret_file),
            "http" => return problem.to_owned().into(),
            "issuer" if self.is_configured() => "issuer-id".to_owned(),
            setting => setting.replace('_', "-"),
        };
        misuse(format!("--{option}: {problem}"))
    }

    fn server(&self) -> Result<AuthorizationServerBuilder, Box<dyn Error>> {
        let mut server = match (&self.issuer, &self.token_endpoint) {
            (Some(issuer), None) => AuthorizationServer::discover(issuer),
            (Some(issuer), Some(url)) => AuthorizationServer::discover(issuer).token_endpoint(url),
            // clap requires one of them.
            (None, url) => AuthorizationServer::token_endpoint(url.as_deref().unwrap_or_default()),
        };
        if let Some(url) = &self.discover_at {
            server = server.discover_at(url);
        }
        if let Some(id) = &self.issuer_id {
            server = server.issuer(id);
        }
        for origin in &self.allow_origin {
            server = server.allow_origin(origin);
        }
        if let Some(path) = &self.ca {
            server = server.http(http_settings(path)?);
        }
        Ok(server)
    }

    fn authentication(&self) -> Result<ClientAuthentication, Box<dyn Error>> {
        let id = &self.client_id;
        let mut client = if let Some(path) = &self.private_key {
            let mut key = signing_key::read(path, self.alg, self.kid.as_deref())?;
            if let Some(path) = &self.assertion_cert {
                let pem = file::read(path)?;
                key = key
                    .with_certificate(pem.expose())
                    .map_err(|error| format!("--assertion-cert {}: {error}", path.display()))?;
            }
            ClientAuthentication::private_key_jwt(id, key)
        } else if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            let (certificate, key) = (file::read(certificate)?, file::read(key)?);
            let certificate = ClientCertificate::new(certificate.expose(), key.expose());
            ClientAuthentication::tls_client_auth(id, certificate)
        } else {
            // clap requires one of them.
            let path = self.client_secret_file.as_deref();
            // Read once, because the file may be a pipe.
            let text = file::read(path.unwrap_or(Path::new("")))?;
            let secrets =
                ClientSecrets::from_lines(&text).map_err(|error| self.unusable(&error))?;
            match self.auth {
                Method::Basic => ClientAuthentication::secret_basic(id, secrets),
                Method::Post => ClientAuthentication::secret_post(id, secrets),
                Method::Jwt => {
                    let algorithm = self.alg.unwrap_or(Algorithm::HS256);
                    ClientAuthentication::secret_jwt(id, secrets, algorithm)
                }
            }
        };
        if let Some(typ) = &self.assertion_typ {
            client = client.assertion_typ(typ);
        }
        if self.endpoint_audience {
            client = client.dangerous_endpoint_audience();
        }
        Ok(client)
    }
}
