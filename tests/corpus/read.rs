//! The files of the corpus: lines of columns. `⟨ff fe⟩` are bytes, `⟨512×[⟩` is text repeated.

/// The lines of a file with content, each as its number and columns.
pub fn lines(file: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = file.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, number)| {
        let columns = line.split('¦').enumerate();
        // One blank around each mark; further blanks belong to the column.
        let columns = columns.map(|(at, column)| {
            let column = if at == 0 { column } else { column.strip_prefix(' ').unwrap_or(column) };
            column.strip_suffix(' ').unwrap_or(column)
        });
        (number, columns.collect())
    })
}

/// The bytes that a column stands for.
pub fn bytes(column: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = column;
    while let Some((before, behind)) = rest.split_once('⟨') {
        let (inside, after) = behind.split_once('⟩').expect("what is opened is closed");
        out.extend_from_slice(before.as_bytes());
        if let Some((count, text)) = inside.split_once('×') {
            let count = count.parse().expect("how often");
            out.extend(text.as_bytes().repeat(count));
        } else {
            let hex = |byte: &str| u8::from_str_radix(byte, 16).expect("a byte in hexadecimal");
            out.extend(inside.split(' ').map(hex));
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    out
}
