//! Required scopes as types.

use crate::{policy::ScopePolicy, scope::ScopeSet};

/// Required scopes as a type, for the signature of a handler. A type that [`scope!`](crate::scope) declares requires one scope.
/// A tuple of up to four such types requires all of their scopes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scope requirement",
    label = "not declared with `scope!`, and not a tuple of such types",
    note = "declare a scope with `scope!(ReadOrders = \"orders:read\");`"
)]
pub trait ScopeRequirement: Send + Sync + 'static {
    /// The requirement as a policy. It allocates, so it is called only for refused requests.
    fn policy() -> ScopePolicy;

    /// Whether a caller with these scopes passes. It gives the same answer as the policy.
    fn is_satisfied_by(granted: &ScopeSet) -> bool;
}

/// Declares a type that requires a scope. Its constant `SCOPE` is the scope.
///
/// ```
/// portcullis_core::scope!(
///     /// May change orders.
///     pub WriteOrders = "orders:write"
/// );
///
/// assert_eq!(WriteOrders::SCOPE.as_str(), "orders:write");
/// ```
///
/// Text that is not a scope does not compile.
#[macro_export]
macro_rules! scope {
    ($(#[$attribute:meta])* $visibility:vis $name:ident = $text:literal $(;)?) => {
        $(#[$attribute])*
        #[doc = concat!("The scope `", $text, "`.")]
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $name {
            /// The scope itself.
            $visibility const SCOPE: $crate::Scope = $crate::Scope::from_static($text);
        }

        // `cargo check` evaluates the constant here, also if nothing uses it.
        const _: $crate::Scope = $name::SCOPE;

        impl $crate::ScopeRequirement for $name {
            fn policy() -> $crate::ScopePolicy {
                Self::SCOPE.into()
            }

            fn is_satisfied_by(granted: &$crate::ScopeSet) -> bool {
                granted.contains($text)
            }
        }
    };
}

macro_rules! impl_for_tuple {
    ($($member:ident),+) => {
        impl<$($member: ScopeRequirement),+> ScopeRequirement for ($($member,)+) {
            fn policy() -> ScopePolicy {
                ScopePolicy::all([$($member::policy()),+])
            }

            fn is_satisfied_by(granted: &ScopeSet) -> bool {
                $($member::is_satisfied_by(granted))&&+
            }
        }
    };
}
impl_for_tuple!(A);
impl_for_tuple!(A, B);
impl_for_tuple!(A, B, C);
impl_for_tuple!(A, B, C, D);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuple_requires_every_member() {
        scope!(ReadOrders = "a");
        scope!(WriteOrders = "b");
        assert!(!<(ReadOrders, WriteOrders)>::is_satisfied_by(
            &ScopeSet::parse("a")
        ));
        assert!(<(ReadOrders, WriteOrders)>::is_satisfied_by(
            &ScopeSet::parse("a b")
        ));
        assert_eq!(
            <(ReadOrders, WriteOrders)>::policy().challenge_scope(),
            "a b"
        );
    }
}
