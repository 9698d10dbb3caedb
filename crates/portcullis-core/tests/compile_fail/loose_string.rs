use portcullis_core::RequireScopeLayer;

fn main() {
    let _ = RequireScopeLayer::all(["orders:read"]);
}
