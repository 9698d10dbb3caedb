//! Text of other servers in messages.

/// Escapes control and other invisible characters, and truncates the text after `max_chars` characters.
pub(crate) fn printable(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars();
    let mut shown = String::new();
    for character in chars.by_ref().take(max_chars) {
        match character {
            '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}
