//! QR codes in a terminal.

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Draws a text as a QR code, two modules to a character, with the margin that scanners want. With `colours`
/// it is black on white whatever the terminal's own colours are.
pub(crate) fn draw(text: &str, colours: bool) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)?;
    let width = code.width();
    let modules = code.to_colors();
    let dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < width);
        let module = inside(x).zip(inside(y)).and_then(|(x, y)| modules.get(y * width + x));
        module == Some(&Color::Dark)
    };
    let size = width + 2 * MARGIN;
    let mut drawing = String::new();
    for y in (0..size).step_by(2) {
        let line: String = (0..size).map(|x| block(dark(x, y), y + 1 < size && dark(x, y + 1))).collect();
        let (before, after) = if colours { ("\x1b[97;40m", "\x1b[0m") } else { ("", "") };
        drawing.push_str(&format!("{before}{line}{after}\n"));
    }
    Ok(drawing)
}

/// The character whose upper and lower half shine where the modules are light.
const fn block(upper_dark: bool, lower_dark: bool) -> char {
    match (upper_dark, lower_dark) {
        (false, false) => '█',
        (false, true) => '▀',
        (true, false) => '▄',
        (true, true) => ' ',
    }
}

/// Light modules around the code.
const MARGIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_square_with_a_light_margin() {
        let drawing = draw("2@ref,key,key,key,1", false).unwrap_or_default();
        let lines: Vec<&str> = drawing.lines().collect();
        let width = lines.first().map_or(0, |line| line.chars().count());
        assert_eq!(width, 25 + 2 * MARGIN, "version 2");
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines.iter().take(MARGIN / 2).all(|line| line.chars().all(|block| block == '█')));
        assert!(lines.iter().all(|line| line.starts_with("████") && line.ends_with("████")));
    }
}
