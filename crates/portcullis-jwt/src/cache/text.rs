//! The text of a token, kept to be compared with.

use zeroize::Zeroizing;

/// A token that was verified: it authenticates whoever has it, so it is wiped when it is dropped.
///
/// In words rather than bytes, since wiping goes element by element.
pub(super) struct TokenText {
    words: Zeroizing<Box<[u64]>>,
    length: usize,
}

const WORD: usize = size_of::<u64>();

impl TokenText {
    pub(super) fn new(token: &[u8]) -> Self {
        let (words, rest) = token.as_chunks::<WORD>();
        let words = words.iter().copied().map(u64::from_ne_bytes);
        let last = (!rest.is_empty()).then(|| {
            let mut word = [0; WORD];
            word[..rest.len()].copy_from_slice(rest);
            u64::from_ne_bytes(word)
        });
        let mut text = Vec::with_capacity(token.len().div_ceil(WORD));
        text.extend(words.chain(last));
        Self {
            words: Zeroizing::new(text.into_boxed_slice()),
            length: token.len(),
        }
    }

    #[inline]
    pub(super) fn is(&self, token: &[u8]) -> bool {
        let bytes: &[u8] = bytemuck::must_cast_slice(&self.words);
        bytes.get(..self.length) == Some(token)
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// What the text of a token of this length takes.
    pub(super) fn bytes_of(length: usize) -> usize {
        length.next_multiple_of(WORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_and_nothing_else() {
        let bytes: Vec<u8> = (1..=40).collect();
        for length in 0..=bytes.len() {
            let token = &bytes[..length];
            let text = TokenText::new(token);
            assert!(text.is(token), "{length}");
            assert!(!text.is(&bytes[1..]), "{length}");
            for position in 0..length {
                let mut other = token.to_vec();
                other[position] ^= 0x80;
                assert!(!text.is(&other), "{position} of {length}");
            }
            // What is padded with nought is not the same as nought.
            let mut longer = token.to_vec();
            longer.push(0);
            assert!(!text.is(&longer) && !TokenText::new(&longer).is(token));
            assert!(length == 0 || !text.is(&token[..length - 1]));
        }
    }
}
