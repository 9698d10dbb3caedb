//! The options that name a store, and the store itself.

use std::{error::Error, ffi::OsString, path::PathBuf};

use clap::Args;
use portcullis_api_key::{KeyFile, KeyManager};
use portcullis_core::Secret;
use portcullis_sql::SqlStore;

use super::{
    database,
    peppers::PepperFile,
    place::{Origin, Place, variable},
};
use crate::{client::read_file, misuse::misuse};

const STORE: &str = "PORTCULLIS_STORE";

#[derive(Args, Debug)]
pub(super) struct StoreArgs {
    /// The store: the path of a key file, or the URL of a database without a password, such as sqlite://keys.db or
    /// postgres://USER@HOST/DATABASE. By default the environment variable PORTCULLIS_STORE.
    #[arg(long, value_name = "STORE")]
    store: Option<OsString>,

    /// A file with the password for the database. By default the environment variable PORTCULLIS_STORE_PASSWORD or
    /// PGPASSWORD.
    #[arg(long, value_name = "FILE")]
    store_password_file: Option<PathBuf>,

    /// A file with the peppers of the services, for keys with a pepper. It is TOML: VERSION = "BASE64" for each, and
    /// `current = VERSION` for the one that new keys get. Other users must not be able to read it.
    #[arg(long, value_name = "FILE")]
    peppers: Option<PathBuf>,
}

/// What happens if the store does not exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Missing {
    Rejected,
    /// A key file or an SQLite database is created.
    Created,
    /// So are the tables of any database, or they are updated.
    Migrated,
}

impl StoreArgs {
    pub(super) fn is_given(&self) -> bool {
        self.store.is_some() || variable(STORE).is_some()
    }

    pub(super) async fn open(&self, missing: Missing) -> Result<Store, Box<dyn Error>> {
        let place = self.place()?;
        let peppers = self.peppers.as_deref().map(PepperFile::read);
        let peppers = peppers.transpose()?;
        open(place, self.store_password_file.as_ref(), peppers, missing).await
    }

    pub(super) fn place(&self) -> Result<Place, Box<dyn Error>> {
        match (&self.store, variable(STORE)) {
            (Some(store), _) => Place::parse(store, Origin::Option("--store")),
            (None, Some(store)) => Place::parse(&store, Origin::Variable(STORE)),
            (None, None) => Err(misuse(format!(
                "--store: give the store, or set the environment variable {STORE}"
            ))),
        }
    }

    /// The database, for verbs that only databases have.
    pub(super) async fn open_database(&self, migrate: bool) -> Result<SqlStore, Box<dyn Error>> {
        match self.place()? {
            Place::File(_) => Err(misuse(
                "--store: this is the path of a key file, which does not need this: give the URL of a database",
            )),
            Place::Database { url, password } => {
                let password = password_of(self.store_password_file.as_ref(), password)?;
                database::connect(&url, password, None, migrate).await
            }
        }
    }
}

/// A store that is open.
pub(super) struct Store {
    pub(super) manager: Box<dyn KeyManager>,
    pub(super) peppers: Option<PepperFile>,
    /// The path of the key file, unless it is a database.
    pub(super) file: Option<PathBuf>,
}

/// Opens the store at `place`.
pub(super) async fn open(
    place: Place,
    password_file: Option<&PathBuf>,
    peppers: Option<PepperFile>,
    missing: Missing,
) -> Result<Store, Box<dyn Error>> {
    let prepared = peppers.as_ref().map(PepperFile::peppers).transpose()?;
    let (manager, file): (Box<dyn KeyManager>, _) = match place {
        Place::File(path) => {
            let mut file = KeyFile::at(&path);
            if let Some(prepared) = prepared {
                file = file.peppers(prepared);
            }
            (Box::new(file), Some(path))
        }
        Place::Database { url, password } => {
            let migrate = match missing {
                Missing::Rejected => false,
                Missing::Created => database::is_new_sqlite(&url),
                Missing::Migrated => true,
            };
            let password = password_of(password_file, password)?;
            let database = database::connect(&url, password, prepared, migrate).await?;
            (Box::new(database), None)
        }
    };
    Ok(Store {
        manager,
        peppers,
        file,
    })
}

fn password_of(
    file: Option<&PathBuf>,
    in_url: Option<Secret>,
) -> Result<Option<Secret>, Box<dyn Error>> {
    if let Some(path) = file {
        let content = read_file(path)?;
        let text = content.expose_str().ok_or("the password is not UTF-8")?;
        // Editors end a file with a line break.
        return Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))));
    }
    let from = |name| Some(Secret::new(variable(name)?.into_encoded_bytes()));
    let password = from("PORTCULLIS_STORE_PASSWORD").or(in_url);
    Ok(password.or_else(|| from("PGPASSWORD")))
}
