//! Texts as messages show them: untrusted text made safe, and long text cut.

/// The text, cut after `most` characters with a mark.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether the text is a word of lower-case ASCII letters and digits, as in keys and names.
pub(super) fn is_lower_case_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
}

/// Replaces what a terminal or a page would act on instead of showing it: control characters
/// except line breaks and tabs, and the format characters that hide text or reverse its direction.
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_printable(letter) { letter } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether the character is shown as it is and does not change how others are shown. True for the
/// joiners of emoji and of Persian words, false for the marks of direction.
pub fn is_printable(letter: char) -> bool {
    let acts = match letter {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'..='\u{e007f}' => true,
        letter => letter.is_control(),
    };
    !acts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_are_cut() {
        assert_eq!((shortened("añb", 3), shortened("añb", 2)), ("añb".to_owned(), "añ…".to_owned()));
    }

    #[test]
    fn what_acts_on_a_terminal_or_a_page_is_replaced() {
        let cases = [
            ("\u{1b}[2J\u{7}", "\u{fffd}[2J\u{fffd}"),
            ("a\u{202e}gpj.exe", "a\u{fffd}gpj.exe"),
            ("\u{2066}x\u{2069}\u{200f}\u{feff}\u{2028}", "\u{fffd}x\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{9b}31m\r\0", "\u{fffd}31m\u{fffd}\u{fffd}"),
            ("tag\u{e0041}\u{200b}", "tag\u{fffd}\u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["two\nlines\tand a tab", "Peña, 東京, עברית", "👩\u{200d}💻", "می\u{200c}خواهم"]
        {
            assert_eq!(printable(text), text);
        }
    }
}
