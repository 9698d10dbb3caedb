// Not used anywhere: declaring it is enough.
portcullis_core::scope!(pub Bad = "bad scope");

fn main() {}
