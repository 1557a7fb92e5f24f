//! The page: our own HTML, CSS and JavaScript, and what the run did as JSON in it.
//!
//! Texts of guests reach the page only through that JSON, in which `<` is always written as `\u003c`, so that none of them can end the
//! script element; the page's code shows them as text.

use serde::Serialize;
use std::io::{self, BufWriter, Write};

const TEMPLATE: &str = include_str!("page/report.html");
const STYLE: &str = include_str!("page/style.css");
/// In the order in which they need each other.
const SCRIPTS: [&str; 15] = [
    include_str!("page/data.js"),
    include_str!("page/view.js"),
    include_str!("page/element.js"),
    include_str!("page/looks.js"),
    include_str!("page/rows.js"),
    include_str!("page/marks.js"),
    include_str!("page/chart.js"),
    include_str!("page/overview.js"),
    include_str!("page/describe.js"),
    include_str!("page/pointer.js"),
    include_str!("page/table.js"),
    include_str!("page/panels.js"),
    include_str!("page/console.js"),
    include_str!("page/tabs.js"),
    include_str!("page/main.js"),
];

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write(data: &impl Serialize, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "style" => out.write_all(STYLE.as_bytes())?,
            "data" => serde_json::to_writer(InScript(&mut out), data)?,
            "scripts" => SCRIPTS.iter().try_for_each(|script| out.write_all(script.as_bytes()))?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())?;
    out.flush()
}

/// Writes JSON into a script element: `<` stands only in its texts, where it can be written otherwise.
struct InScript<W>(W);

impl<W: Write> Write for InScript<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pieces = bytes.split(|byte| *byte == b'<');
        self.0.write_all(pieces.next().unwrap_or_default())?;
        for piece in pieces {
            self.0.write_all(b"\\u003c")?;
            self.0.write_all(piece)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{InScript, SCRIPTS, STYLE, TEMPLATE, write};

    #[test]
    fn no_text_can_end_the_script_element() {
        let mut out = Vec::new();
        write(&["</script><script>alert(1)</script>", "<!--", "{{style}}"], &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(
            page.contains(r#""\u003c/script>\u003cscript>alert(1)\u003c/script>","\u003c!--","{{style}}""#)
        );
        assert_eq!(page.matches("</script>").count(), TEMPLATE.matches("</script>").count());
    }

    #[test]
    fn what_is_written_in_pieces_is_the_same() {
        let mut out = Vec::new();
        for piece in ["a<", "<b", "", "<"] {
            std::io::Write::write_all(&mut InScript(&mut out), piece.as_bytes()).unwrap();
        }
        assert_eq!(out, br"a\u003c\u003cb\u003c");
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        for part in [TEMPLATE, STYLE].into_iter().chain(SCRIPTS) {
            for asked in
                ["http://", "https://", "url(", "@import", "src=", "fetch(", "XMLHttp", "innerHTML", "eval("]
            {
                let found =
                    part.lines().find(|line| line.contains(asked) && !line.contains("www.w3.org/2000/svg"));
                assert_eq!(found, None, "{asked}");
            }
        }
    }
}
