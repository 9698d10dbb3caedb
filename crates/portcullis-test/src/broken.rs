//! placeholder
/// x
#[derive(Clone, Copy, Debug)]
pub enum Broken {
    /// x
    Expired,
}
impl Broken {
    /// x
    pub const ALL: &'static [Self] = &[Self::Expired];
}
impl crate::TokenBuilder {
    /// x
    pub fn mint_broken(self, broken: Broken) -> String {
        let _ = broken;
        let e = self
            .now()
            .saturating_sub(std::time::Duration::from_secs(3600));
        self.expires_at(e).mint()
    }
}
