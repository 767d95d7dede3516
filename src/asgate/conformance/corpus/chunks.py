"""Rows about the chunked coding (RFC 9112 section 7.1): sizes, extensions, line ends, data, trailers."""

from asgate.conformance.corpus.row import (
    END,
    HALF_CLOSED,
    HELLO,
    LARGE,
    LF,
    MARKER,
    POSTED,
    SMUGGLED,
    Cut,
    Discarded,
    Ending,
    Held,
    Refused,
    Request,
    Row,
    Served,
    chunk,
    chunked,
    lenient,
    optional,
    post,
    refused,
    served,
    unfinished,
)
from asgate.spec.clauses import Level

# ruff: noqa: E501
# fmt: off

RFC = "RFC 9112 7.1"
EXTENSIONS = "RFC 9112 7.1.1"
TRAILERS = "RFC 9112 7.1.2"
PADDED = "some senders pad the size, and a reader that takes it reads the same body"
BAD_SPACE = "white space there is bad, though a recipient ought to remove it (RFC 9110 5.6.3)"
UNKNOWN = "an extension that is not well formed may be passed over like any unknown one"
SPARE = "how many zeros are too many is the server's choice"
REPLACED = "a bare CR may be taken for a space (RFC 9112 2.2), and what it then stands in has no meaning"
DROPPED = "a recipient may discard trailers (RFC 9112 7.1.2), these too"

SIZES = (
    *(
        refused(f"size_{name}", f"A chunk size {says} is refused.", chunked(text + b"\r\nhello\r\n" + END), RFC, Level.SHOULD)
        for name, says, text in (
            ("empty", "of nothing", b""),
            ("of_extension_only", "of nothing before an extension", b";a=b"),
            ("of_no_digit", "that is no number", b"x"),
            ("with_prefix", "with 0x", b"0x5"),
            ("with_plus", "with a plus sign", b"+5"),
            ("with_minus", "with a minus sign", b"-5"),
            ("with_space_before", "with a space before it", b" 5"),
            ("with_tab_before", "with a tab before it", b"\t5"),
            ("with_space_inside", "with a space between digits", b"0 5"),
            ("with_underscore", "with an underscore between digits", b"0_5"),
            ("with_fraction", "with a fraction", b"5.0"),
            ("with_comma", "with a comma", b"5,"),
            ("with_letter_behind", "with a letter that is no digit", b"5g"),
            ("with_h", "with an h for hexadecimal", b"5h"),
            ("with_l", "with an l for long", b"5l"),
            ("with_quotes", "in quotes", b'"5"'),
            ("with_nul_behind", "with a NUL behind it", b"5\0"),
            ("with_nul_before", "with a NUL before it", b"\x005"),
            ("with_vertical_tab_before", "with a vertical tab before it", b"\x0b5"),
            ("with_vertical_tab_behind", "with a vertical tab behind it", b"5\x0b"),
            ("with_form_feed_behind", "with a form feed behind it", b"5\x0c"),
            ("with_no_break_space", "with a no-break space before it", b"\xa05"),
            ("in_full_width_digit", "in a full-width digit", b"\xef\xbc\x95"),
            ("in_words", "in words", b"five"),
        )
    ),
    lenient("size_with_space_behind", "A chunk size with a space behind it is refused.", chunked(b"5 \r\nhello\r\n" + END), RFC, POSTED, why=PADDED),
    lenient("size_with_tab_behind", "A chunk size with a tab behind it is refused.", chunked(b"5\t\r\nhello\r\n" + END), RFC, POSTED, why=PADDED),
    refused("size_with_minus_hides_a_request", "A negative chunk size does not end the body.", chunked(b"-0\r\n\r\n"), RFC, Level.SHOULD),
    refused("size_zero_with_prefix", "0x0 does not end the body.", chunked(b"5\r\nhello\r\n0x0\r\n\r\n"), RFC, Level.SHOULD),
    refused("size_zero_with_letter", "0z does not end the body.", chunked(b"5\r\nhello\r\n0z\r\n\r\n"), RFC, Level.SHOULD),
)

HUGE = tuple(
    Row(f"size_{name}", f"A chunk size of {says} is not taken for a small one.", chunked(value + b"\r\nhello\r\n" + END), RFC, Level.MUST, (Refused((413, 400)), Cut()), (Held(),), HALF_CLOSED, Ending.FIN)
    for name, says, value in (
        ("2_32", "2^32 + 5", b"100000005"),
        ("2_63", "2^63 + 5", b"8000000000000005"),
        ("2_64", "2^64 + 5", b"10000000000000005"),
        ("2_64_and_no_more", "2^64", b"10000000000000000"),
        ("2_32_and_no_more", "2^32", b"100000000"),
        ("2_128", "2^128 + 5", b"1" + b"0" * 31 + b"5"),
        ("of_all_ones", "16 digits F", b"F" * 16),
        ("of_minus_five_in_64_bits", "FFFFFFFFFFFFFFFB", b"FFFFFFFFFFFFFFFB"),
        ("of_300_digits", "300 digits", b"F" * 300),
    )
)

ENDS = (
    *(
        refused(f"chunk_{name}", title, chunked(body), rfc, level, late=True)
        for name, title, body, rfc, level in (
            ("size_ends_with_lf", "A bare LF does not end a chunk size.", b"5\nhello\r\n" + END, RFC, Level.SHOULD),
            ("size_ends_with_cr", "A bare CR does not end a chunk size.", b"5\rhello\r\n" + END, "RFC 9112 2.2", Level.MUST),
            ("size_ends_with_cr_and_byte", "CR and another byte do not end a chunk size.", b"5\rXhello\r\n" + END, "RFC 9112 2.2", Level.MUST),
            ("size_ends_with_lf_cr", "LF CR does not end a chunk size.", b"5\n\rhello\r\n" + END, RFC, Level.SHOULD),
            ("data_ends_with_lf", "A bare LF does not end a chunk's data.", b"5\r\nhello\n" + END, RFC, Level.SHOULD),
            ("data_ends_with_cr", "A bare CR does not end a chunk's data.", b"5\r\nhello\r" + END, RFC, Level.SHOULD),
            ("data_ends_with_nothing", "A chunk's data needs a line end.", b"5\r\nhello" + END, RFC, Level.SHOULD),
            ("data_ends_with_two_bytes", "Two other bytes do not end a chunk's data.", b"5\r\nhelloXX" + END, RFC, Level.SHOULD),
            ("data_ends_with_two_line_ends", "Two line ends do not end a chunk's data.", b"5\r\nhello\r\n\r\n" + END, RFC, Level.SHOULD),
            ("data_ends_with_lf_cr", "LF CR does not end a chunk's data.", b"5\r\nhello\n\r" + END, RFC, Level.SHOULD),
            ("data_ends_in_last_size", "Data that reaches into the last chunk's size is refused.", b"7\r\nhello0\r\n\r\n", RFC, Level.SHOULD),
            ("size_ends_with_lf_and_hides_a_request", "A bare LF behind a chunk size does not make a request of data.", b"2\nxx\r\n" + chunk(END + SMUGGLED) + END, RFC, Level.SHOULD),
            ("data_ends_with_two_bytes_and_hides_a_request", "Two other bytes behind a chunk's data do not make a request of data.", b"2\r\nxxyy" + chunk(END + SMUGGLED) + END, RFC, Level.SHOULD),
            ("data_ends_with_lf_and_hides_a_request", "A bare LF behind a chunk's data does not make a request of data.", b"2\r\nxx\n" + chunk(END + SMUGGLED) + END, RFC, Level.SHOULD),
            ("data_too_long", "Data longer than the chunk size is refused.", b"3\r\nhello\r\n" + END, RFC, Level.SHOULD),
            ("data_too_long_by_a_line_end", "Data with a line end too much is refused.", b"5\r\nhello\n\r\n" + END, RFC, Level.SHOULD),
            ("data_too_short", "Data shorter than the chunk size is refused.", b"8\r\nhello\r\n" + END, RFC, Level.SHOULD),
            ("last_size_ends_with_lf", "A bare LF does not end the last chunk's size.", b"5\r\nhello\r\n0\n\r\n", RFC, Level.SHOULD),
            ("last_missing", "A body without its last chunk does not end.", b"5\r\nhello\r\n", RFC, Level.SHOULD),
            ("first_missing", "A body that is not chunked is refused.", b"hello", RFC, Level.SHOULD),
            ("size_after_line_end", "A line end before the first chunk is refused.", b"\r\n" + HELLO, RFC, Level.SHOULD),
        )
    ),
    Row("chunk_last_and_no_empty_line", "Behind a body without its last empty line no request begins.", chunked(b"5\r\nhello\r\n0\r\n"), RFC, Level.SHOULD, (Refused(),), (Discarded((POSTED,)), Cut())),
    Row("chunk_last_ends_with_cr_and_byte", "CR and another byte are no empty line.", chunked(b"5\r\nhello\r\n0\r\n\rX"), "RFC 9112 2.2", Level.MUST, (Refused(),), (Discarded((POSTED,)), Cut())),
    Row("chunk_last_ends_with_lf", "A last empty line that is a bare LF is refused.", chunked(b"5\r\nhello\r\n0\r\n\n"), "RFC 9112 2.2", Level.SHOULD, (Refused(),), (Served((POSTED,)), Discarded((POSTED,)), Cut()), LF),
    Row("chunk_body_with_lf_only", "A chunked body with bare LFs only is refused.", chunked(b"5\nhello\n0\n\n"), RFC, Level.SHOULD, (Refused(),), (Cut(),)),
    lenient("chunk_size_ends_with_two_cr", "CR CR LF does not end a chunk size.", chunked(b"5\r\r\nhello\r\n" + END), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST, late=True),
)

GOOD = (
    served("chunks", "The data of all chunks is one body.", chunked(b"2\r\nhe\r\n3\r\nllo\r\n" + END), RFC, POSTED),
    served("chunk_of_every_byte", "Chunks of one byte are read.", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + END), RFC, POSTED),
    served("chunk_of_line_ends", "Line ends inside a chunk are data.", chunked(b"4\r\n\r\n\r\n\r\n" + END), RFC, Request("POST", "/a", b"\r\n\r\n")),
    served("chunk_of_chunks", "What looks like the last chunk inside a chunk is data.", chunked(b"5\r\n0\r\n\r\n\r\n" + END), RFC, Request("POST", "/a", b"0\r\n\r\n")),
    served("chunk_none", "A body of the last chunk only is empty.", chunked(END), RFC, Request("POST", "/a")),
    served("size_lower_case", "Hexadecimal digits may be lower case.", chunked(b"a\r\nhellohello\r\n" + END), RFC, Request("POST", "/a", b"hellohello")),
    served("size_upper_case", "Hexadecimal digits may be upper case.", chunked(b"A\r\nhellohello\r\n" + END), RFC, Request("POST", "/a", b"hellohello")),
    served("size_with_leading_zeros", "A chunk size may have leading zeros.", chunked(b"0005\r\nhello\r\n" + END), RFC, POSTED),
    served("size_of_some_zeros", "The last chunk's size may be several zeros.", chunked(b"5\r\nhello\r\n000\r\n\r\n"), RFC, POSTED),
    optional("size_with_20_zeros", "A chunk size may have 20 leading zeros.", chunked(b"0" * 20 + b"5\r\nhello\r\n" + END), RFC, POSTED, why=SPARE),
    optional("size_with_1000_zeros", "A chunk size may have 1000 leading zeros.", chunked(b"0" * 1000 + b"5\r\nhello\r\n" + END), RFC, POSTED, why=SPARE),
    served("chunks_100", "A hundred small chunks are one body.", chunked(b"1\r\na\r\n" * 100 + END), RFC, Request("POST", "/a", b"a" * 100)),
)

EXTENDED = (
    *(
        served(f"extension_{name}", f"A chunk extension {says} is ignored.", chunked(b"5" + text + b"\r\nhello\r\n" + END), EXTENSIONS, POSTED)
        for name, says, text in (
            ("name", "of a name", b";a"),
            ("value", "with a value", b";a=b"),
            ("quoted", "with a quoted value", b';a="b"'),
            ("quoted_empty", "with an empty quoted value", b';a=""'),
            ("quoted_semicolon", "with a quoted semicolon", b';a="b;c=d"'),
            ("quoted_quote", "with an escaped quote", b';a="b\\"c"'),
            ("quoted_space", "with a quoted space", b';a="b c"'),
            ("several", "next to others", b';a;b=c;d="e"'),
            ("of_200_bytes", "of 200 bytes", b";a=" + b"b" * 200),
        )
    ),
    served("extension_of_last_chunk", "An extension of the last chunk is ignored.", chunked(b"5\r\nhello\r\n0;a=b\r\n\r\n"), EXTENSIONS, POSTED),
    *(
        optional(f"extension_{name}", f"A chunk extension with white space {says} is ignored.", chunked(b"5" + text + b"\r\nhello\r\n" + END), EXTENSIONS, POSTED, why=BAD_SPACE)
        for name, says, text in (("space_before", "before it", b" ;a=b"), ("space_behind_semicolon", "behind the semicolon", b"; a=b"), ("tab_before", "in the form of a tab before it", b"\t;a=b"), ("space_around_equals", "around the equals sign", b";a = b"))
    ),
    *(
        lenient(f"extension_{name}", f"A chunk extension {says} is refused.", chunked(b"5" + text + b"\r\nhello\r\n" + END), EXTENSIONS, POSTED, why=UNKNOWN)
        for name, says, text in (
            ("empty", "without a name", b";"),
            ("without_name", "of a value only", b";=b"),
            ("without_value", "without the value that it announces", b";a="),
            ("without_semicolon", "without a semicolon", b" a=b"),
            ("quote_open", "with a quote that does not end", b';a="b'),
            ("quoted_name", "with a quoted name", b';"a"=b'),
            ("with_text_after_quote", "with text behind the quotes", b';a="b"c'),
            ("with_8_bits", "with an 8-bit name", b";\xc3\xa9=b"),
            ("with_control", "with a control character", b";a=\x01"),
            ("with_nul", "with a NUL", b";a=\0"),
            ("with_delete", "with a DEL", b";a=\x7f"),
            ("of_semicolons", "of semicolons", b";;;"),
            ("quoted_control", "with a quoted control character", b';a="\x01"'),
            ("quoted_nul", "with a quoted NUL", b';a="\0"'),
            ("quote_open_behind_escape", "with a quote whose end is escaped", b';a="b\\"'),
            ("quote_open_with_semicolon", "with a quote that does not end, and another one", b';a="b;c=d'),
        )
    ),
    lenient("extension_of_last_chunk_with_two_cr", "An extension of the last chunk that ends with CR CR LF is refused.", chunked(b"5\r\nhello\r\n0;a\r\r\n\r\n"), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST, late=True),
    lenient("extension_of_last_chunk_with_cr", "An extension of the last chunk with a bare CR is refused.", chunked(b"5\r\nhello\r\n0;a\rb\r\n\r\n"), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST, late=True),
    *(
        refused(f"extension_{name}", f"{says} is refused.", chunked(body), EXTENSIONS, Level.SHOULD)
        for name, says, body in (
            ("empty_with_lf", "A semicolon and a bare LF behind a chunk size", b"5;\nhello\r\n" + END),
            ("of_last_chunk_with_lf", "An extension of the last chunk with a bare LF", b"5\r\nhello\r\n0;a\n\r\n"),
            ("with_lf_and_data", "A chunk extension whose data begins behind a bare LF", b"5;a\nhello\r\n" + END),
            ("with_lf_hides_a_request", "A chunk extension with a bare LF that makes a request of data", b"2;\nxx\r\n" + chunk(END + SMUGGLED) + END),
            ("with_quoted_line_end_hides_a_request", "A chunk extension with a quoted line end that makes a request of data", b'2;a="\r\nxx\r\n' + chunk(b'"' + END + SMUGGLED) + END),
        )
    ),
    *(
        lenient(f"extension_with_{name}", f"A chunk extension with {says} is refused.", chunked(b"5" + text + b"\r\nhello\r\n" + END), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST, late=True)
        for name, says, text in (("cr", "a bare CR", b";a\rb"), ("two_cr", "a second CR", b";a\r"), ("quoted_cr", "a quoted bare CR", b';a="b\rc"'))
    ),
    *(
        refused(f"extension_with_{name}", f"A chunk extension with {says} is refused.", chunked(b"5" + text + b"\r\nhello\r\n" + END), rfc, level)
        for name, says, text, rfc, level in (
            ("lf", "a bare LF", b";a\n", RFC, Level.SHOULD),
            ("lf_and_size", "a bare LF and another size", b";a\n3", RFC, Level.SHOULD),
            ("quoted_lf", "a quoted bare LF", b';a="b\nc"', EXTENSIONS, Level.SHOULD),
            ("quoted_line_end", "a quoted line end", b';a="b\r\nc"', EXTENSIONS, Level.SHOULD),
        )
    ),
    *(
        Row(f"extension_{name}", f"Chunk extensions {says} are refused.", chunked(body), EXTENSIONS, Level.SHOULD, (Refused((413, 400, 431)),), (Served((Request("POST", "/a", data),)), Cut()), LARGE)
        for name, says, body, data in (
            ("of_100000_bytes", "of 100000 bytes", b"5;a=" + b"b" * 100_000 + b"\r\nhello\r\n" + END, b"hello"),
            ("of_1000000_bytes", "of a million bytes", b"5;a=" + b"b" * 1_000_000 + b"\r\nhello\r\n" + END, b"hello"),
            ("of_3000_chunks", "of 3000 chunks with 100 bytes each", (b"1;a=" + b"b" * 96 + b"\r\nc\r\n") * 3000 + END, b"c" * 3000),
        )
    ),
)


def trailed(trailers: bytes) -> bytes:
    return chunked(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")


def without(*fields: str) -> Request:
    return Request("POST", "/a", b"hello", tuple((name, None) for name in fields))


TRAILED = (
    served("trailer", "A trailer field is read and no header field.", trailed(b"X-T: v\r\n"), TRAILERS, without("x-t")),
    served("trailers", "Several trailer fields are read.", trailed(b"X-T: v\r\nX-U:\r\nX-V: w\r\n"), TRAILERS, without("x-t")),
    *(
        optional(f"trailer_{name}", f"{says} in the trailers frames and names nothing.", trailed(text + b"\r\n"), "RFC 9110 6.5.1", request, why="a server may refuse what no sender may send", level=Level.MUST)
        for name, says, text, request in (
            ("of_length", "Content-Length", b"Content-Length: %d" % len(MARKER), without("content-length")),
            ("of_bad_length", "An invalid Content-Length", b"Content-Length: -1", without("content-length")),
            ("of_coding", "Transfer-Encoding", b"Transfer-Encoding: chunked", POSTED),
            ("of_host", "Host", b"Host: other", Request("POST", "/a", b"hello", (("host", "probe"),))),
            ("of_connection", "Connection", b"Connection: close", without("connection")),
            ("of_authorization", "Authorization", b"Authorization: Basic YTpi", without("authorization")),
        )
    ),
    optional("trailer_of_announced_length", "A Content-Length in the trailers frames nothing, though Trailer names it.", post(b"Trailer: Content-Length", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nContent-Length: %d\r\n\r\n" % len(MARKER)), "RFC 9110 6.5.1", without("content-length"), why="a server may refuse what no sender may send", level=Level.MUST),
    *(
        lenient(f"trailer_{name}", f"{says} is refused.", trailed(text), TRAILERS, POSTED, why=DROPPED)
        for name, says, text in (
            ("without_colon", "A trailer line without a colon", b"X-T\r\n"),
            ("without_name", "A trailer line without a name", b": v\r\n"),
            ("with_space_before_colon", "A space before a trailer's colon", b"X-T : v\r\n"),
            ("with_space_in_name", "A space in a trailer's name", b"X T: v\r\n"),
            ("with_space_at_start", "White space before the first trailer", b" X-T: v\r\n"),
            ("of_a_request", "A request line among the trailers", SMUGGLED.removesuffix(b"\r\n")),
            ("of_a_chunk", "Another chunk after the last", b"5\r\nhello\r\n0\r\n"),
        )
    ),
    lenient("trailer_folded", "A folded trailer is refused.", trailed(b"X-T: a\r\n b\r\n"), "RFC 9112 5.2", POSTED, why="spaces may stand for the fold (RFC 9112 5.2)"),
    lenient("trailer_with_cr", "A bare CR in a trailer is refused.", trailed(b"X-T: a\rb\r\n"), "RFC 9110 5.5", POSTED, why=DROPPED, level=Level.MUST, late=True),
    lenient("trailer_with_nul", "A NUL in a trailer is refused.", trailed(b"X-T: a\0b\r\n"), "RFC 9110 5.5", POSTED, why=DROPPED, level=Level.MUST, late=True),
    Row("trailer_ends_with_lf", "A trailer that ends with a bare LF is refused.", trailed(b"X-T: v\n"), "RFC 9112 2.2", Level.SHOULD, (Refused(),), (Served((POSTED,)), Discarded((POSTED,)), Cut()), LF),
    *(
        Row(f"trailers_{name}", f"Trailers {says} are refused.", trailed(text), "RFC 9110 5.4", Level.SHOULD, (Refused((431, 413, 400)),), (Served((POSTED,)), Cut()), LARGE)
        for name, says, text in (("of_300000_bytes", "of 300000 bytes", b"X-T: " + b"v" * 300_000 + b"\r\n"), ("20000_times", "of 20000 fields", b"X-T: v\r\n" * 20_000))
    ),
)

UNFINISHED = (
    unfinished("chunk_cut_in_size", "A body that ends in a chunk's size is not taken for whole.", chunked(b"5"), "RFC 9112 8"),
    unfinished("chunk_cut_in_data", "A body that ends in a chunk is not taken for whole.", chunked(b"5\r\nhel"), "RFC 9112 8"),
    unfinished("chunk_cut_after_data", "A body that ends before the last chunk is not taken for whole.", chunked(b"5\r\nhello\r\n"), "RFC 9112 8"),
    unfinished("chunk_cut_in_last_size", "A body that ends in the last chunk's size is not taken for whole.", chunked(b"5\r\nhello\r\n0"), "RFC 9112 8"),
    unfinished("chunk_cut_after_last_size", "A body that ends before its last empty line is not taken for whole.", chunked(b"5\r\nhello\r\n0\r\n"), "RFC 9112 8"),
    unfinished("chunk_cut_in_trailer", "A body that ends in its trailers is not taken for whole.", chunked(b"5\r\nhello\r\n0\r\nX-T: v\r\n"), "RFC 9112 8"),
    unfinished("chunk_cut_at_start", "A chunked body that never begins is not taken for whole.", chunked(b""), "RFC 9112 8"),
)

ROWS: tuple[Row, ...] = (*SIZES, *HUGE, *ENDS, *GOOD, *EXTENDED, *TRAILED, *UNFINISHED)
