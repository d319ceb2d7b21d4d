//! The bytes of a settings file that `toml_edit` does not keep: how each line ends, and a byte order mark. Pure.

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The edited text with the line ends and the byte order mark of the text before the edit. A new line ends as the line above
/// it does.
pub(super) fn kept(before: &str, edited: &str) -> String {
    let (mark, before) = match before.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (Some(BYTE_ORDER_MARK), rest),
        None => (None, before),
    };
    let old: Vec<_> = before.split_inclusive('\n').map(parted).collect();
    let new: Vec<_> = edited.split_inclusive('\n').map(parted).collect();
    let first_end = old.first().map_or("\n", |(_, end)| if end.is_empty() { "\n" } else { end });
    let mut out: String = mark.into_iter().collect();
    let mut above = first_end;
    for ((line, end), old_at) in new.iter().zip(matches(&old, &new)) {
        out.push_str(line);
        // The last line may have none.
        if !end.is_empty() {
            above = old_at.map(|at| old[at].1).filter(|end| !end.is_empty()).unwrap_or(above);
            out.push_str(above);
        }
    }
    out
}

/// A line without its end, and the end.
fn parted(line: &str) -> (&str, &str) {
    let text = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    (text, &line[text.len()..])
}

/// For each new line, the index of the old line that it was, changed or not. Skips what both texts begin and end with,
/// then takes the longest common subsequence: a settings file has about a hundred lines.
fn matches(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<Option<usize>> {
    let is_same = |old_at: usize, new_at: usize| old[old_at].0 == new[new_at].0;
    let shorter = old.len().min(new.len());
    let head = (0..shorter).take_while(|at| is_same(*at, *at)).count();
    let tail = (1..=shorter - head).take_while(|back| is_same(old.len() - back, new.len() - back)).count();
    let (rows, columns) = (old.len() - head - tail, new.len() - head - tail);
    // The length of the longest common subsequence from these two lines on.
    let mut lengths = vec![vec![0_u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            lengths[row][column] = if is_same(head + row, head + column) {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    let mut found: Vec<_> = (0..head).map(Some).collect();
    let (mut row, mut column) = (0, 0);
    while column < columns {
        let best = lengths[row][column];
        let is_kept = row < rows && is_same(head + row, head + column);
        // A changed line keeps its old place.
        if is_kept || row < rows && lengths[row + 1][column + 1] == best {
            found.push(Some(head + row));
            (row, column) = (row + 1, column + 1);
        } else if row < rows && lengths[row + 1][column] == best {
            row += 1;
        } else {
            found.push(None);
            column += 1;
        }
    }
    found.extend((old.len() - tail..old.len()).map(Some));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_line_keeps_its_end_and_a_new_one_ends_as_the_one_above() {
        let before = "\u{feff}a = 1\r\n\nb = 2\n# c\r\nd = 4";
        let edited = "a = 1\n\nnew = 0\nb = 3\n# c\nlast = 9\nd = 4";
        let expected = "\u{feff}a = 1\r\n\nnew = 0\nb = 3\n# c\r\nlast = 9\r\nd = 4";
        assert_eq!(kept(before, edited), expected);
        assert_eq!(kept("", "a = 1\n"), "a = 1\n");
        assert_eq!(kept("a = 1", "a = 1\nb = 2\n"), "a = 1\nb = 2\n");
    }

    proptest! {
        #[test]
        fn what_is_not_edited_stays_byte_for_byte(lines in proptest::collection::vec("[ab]{0,2}(\r\n|\n)", 0..12)) {
            let text = lines.concat();
            prop_assert_eq!(kept(&text, &text.replace("\r\n", "\n")), text);
        }

        #[test]
        fn no_line_is_lost_or_changed(
            old in proptest::collection::vec("[abc]{0,1}(\r\n|\n)", 0..10),
            new in proptest::collection::vec("[abc]{0,1}\n", 0..10),
        ) {
            let edited = new.concat();
            prop_assert_eq!(kept(&old.concat(), &edited).replace("\r\n", "\n"), edited);
        }
    }
}
