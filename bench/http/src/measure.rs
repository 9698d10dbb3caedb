//! The rounds of a measurement.

use std::error::Error;

use portcullis_test::SigningAlgorithm;

use crate::{
    issuer::Issuer,
    load::{Phase, load},
    options::Options,
    probe,
    process::Running,
    service::{Kind, Service},
};

/// What each service did in one round, in the order of [`Kind::ALL`].
pub(crate) type Round = [Phase; Kind::ALL.len()];

/// Starts the services, and measures each of them in rounds. All of them are up all the time; one is loaded at
/// a time.
pub(crate) fn measure(
    algorithm: SigningAlgorithm,
    options: &Options,
) -> Result<Vec<Round>, Box<dyn Error>> {
    let issuer = Issuer::start(algorithm);
    let mut services = Vec::new();
    for kind in Kind::ALL {
        let service = Running::start(&Service {
            kind,
            issuer: issuer.url.clone(),
            audience: issuer.audience.clone(),
            algorithm: algorithm.to_string(),
            token: issuer.token.clone(),
        })?;
        probe::check(kind, &service, &issuer.token)?;
        services.push(service);
    }
    // Each is loaded once before anything counts.
    for service in &services {
        load(options.generator, service, &issuer.token)?;
    }
    let count = services.len();
    let rounds = options.pairs;
    let mut measured = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut phases = [None; Kind::ALL.len()];
        for position in 0..count {
            let next = (round + position) % count;
            phases[next] = Some(load(options.generator, &services[next], &issuer.token)?);
        }
        measured.push(phases.map(|phase| phase.expect("each had its turn")));
        eprint!("\r{algorithm}: round {} of {rounds}", round + 1);
    }
    eprintln!();
    for (kind, service) in Kind::ALL.into_iter().zip(&services) {
        probe::check(kind, service, &issuer.token)?;
    }
    Ok(measured)
}
