use portcullis_core::ConfigError;

/// Why no store could be made. The texts have no password.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened or reached, or refuses the account.
    #[error("{0}")]
    Unreachable(String),
    /// The database has not the tables of this version.
    #[error("{0}")]
    Schema(String),
}

portcullis_core::debug_as_report!(ConnectError);
