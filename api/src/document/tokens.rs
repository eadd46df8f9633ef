//! Counts the tokens of a document without parsing it: the parser recurses for each bracket, which could overflow the
//! stack, and takes memory for each token.

/// How many tokens a text has, and how deep its brackets are nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenCount {
    /// Names, numbers, strings and punctuation.
    pub tokens: usize,
    /// Nested brackets.
    pub depth: usize,
}

/// Counts the tokens of a text. The count of what is not GraphQL does not matter: the parser refuses it later.
pub fn count(text: &str) -> TokenCount {
    let bytes = text.as_bytes();
    let (mut counted, mut open, mut at) = (TokenCount::default(), 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => at += 1,
            b'#' => at = end_of(bytes, at, |byte| byte != b'\n'),
            _ => {
                counted.tokens += 1;
                match byte {
                    b'{' | b'(' | b'[' => open += 1,
                    b'}' | b')' | b']' => open = open.saturating_sub(1),
                    _ => {}
                }
                counted.depth = counted.depth.max(open);
                at = after_token(bytes, at);
            }
        }
    }
    counted
}

fn after_token(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        b'"' if bytes[at..].starts_with(b"\"\"\"") => after_block(bytes, at + 3),
        b'"' => after_string(bytes, at + 1),
        byte if is_word(byte) => end_of(bytes, at, is_word),
        _ => at + 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+') || !byte.is_ascii()
}

fn end_of(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[at..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| at + length)
}

fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' | b'\n' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn after_block(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> (usize, usize) {
        let TokenCount { tokens, depth } = count(text);
        (tokens, depth)
    }

    #[test]
    fn brackets_in_strings_and_comments_are_no_brackets() {
        assert_eq!(counted("{ a(b: \"{{{\\\"{\") } # {{{"), (9 - 1, 2));
        assert_eq!(counted("{ a(b: \"\"\"{ \\\"\"\" {\n{\"\"\") }"), (8, 2));
    }

    #[test]
    fn depth_is_the_highest_number_of_open_brackets() {
        assert_eq!(counted("{ a { b } c { d } }"), (10, 2));
        assert_eq!(counted("[[[[[["), (6, 6));
        assert_eq!(counted("}}}{"), (4, 1));
    }

    #[test]
    fn an_open_string_ends_with_the_text() {
        for text in ["\"", "\"\\", "\"\"\"", "\"\"\"\\", "#", "\\"] {
            assert!(count(text).tokens <= 1, "{text}");
        }
    }
}
