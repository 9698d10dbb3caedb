use portcullis_core::Scope;

const TWO_IN_ONE: Scope = Scope::from_static("orders:read orders:write");
const EMPTY: Scope = Scope::from_static("");
const QUOTED: Scope = Scope::from_static("\"orders\"");

fn main() {}
