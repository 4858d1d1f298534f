//! Tables in plain text, limited to the width of the terminal, and in Markdown.

use crate::markdown;
use crate::output_format::OutputFormat;
use comfy_table::{ContentArrangement, Table, presets};
use untrusted_data::printable;

/// The width of a table that is not printed to a terminal.
const WIDTH: u16 = 120;

/// Creates an empty table in this format, with a header. For JSON, which has no tables, the format is plain text.
pub(crate) fn table<S: Into<comfy_table::Cell>>(format: OutputFormat, header: impl IntoIterator<Item = S>) -> Table {
    let mut table = Table::new();
    if format == OutputFormat::Markdown {
        table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    } else {
        let width = terminal_size::terminal_size().map_or(WIDTH, |(terminal_size::Width(width), _)| width);
        table
            .load_preset(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table.set_header(header);
    table
}

/// Prepares a text of a gateway or a file for a cell. In Markdown, each line is a code span.
pub(crate) fn code_cell(format: OutputFormat, text: &str) -> String {
    match format {
        OutputFormat::Markdown => {
            printable::block(text).split('\n').map(markdown::cell).collect::<Vec<_>>().join("<br>")
        }
        OutputFormat::Plain | OutputFormat::Json => printable::block(text).into_owned(),
    }
}

/// Prepares a text of clawcheck for a cell. In Markdown, a vertical bar would end the cell, so it is escaped.
pub(crate) fn cell(format: OutputFormat, text: &str) -> String {
    let text = printable::block(text);
    match format {
        OutputFormat::Markdown => text.replace('|', "\\|").replace('\n', "<br>"),
        OutputFormat::Plain | OutputFormat::Json => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_gateway_text_as_code() {
        let text = "A  <!-- | \n@everyone";
        assert_eq!(code_cell(OutputFormat::Markdown, text), "` A  <!-- \\|  `<br>`@everyone`");
        assert_eq!(code_cell(OutputFormat::Plain, text), text);
    }
}
