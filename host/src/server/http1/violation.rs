//! What can be wrong with a request's bytes, and how it is answered.

/// What is wrong with a request's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// More empty lines before a request line than a client forgets (RFC 9112, 2.2).
    EmptyLines,
    /// A line feed without a carriage return before it.
    BareLf,
    /// A carriage return without a line feed after it.
    BareCr,
    /// A NUL byte outside a body.
    Nul,
    /// The request line does not begin with a method and one space.
    Method,
    /// The target holds a byte that it must not.
    TargetByte,
    /// The target has a fragment.
    Fragment,
    /// The target has none of the forms of RFC 9112, 3.2, or not the one for its method.
    TargetForm,
    /// What follows the target is not `HTTP/1.0` or `HTTP/1.1`.
    Version,
    /// HTTP of another major version.
    MajorVersion,
    /// The request line is longer than the listener takes.
    LongRequestLine,
    /// The head is longer than the listener takes.
    LongHead,
    /// More header lines than the listener takes.
    ManyFields,
    /// A header line without a valid name before its colon.
    FieldName,
    /// White space between a header's name and the colon (RFC 9112, 5.1).
    SpaceBeforeColon,
    /// A header line that goes on in the next line (RFC 9112, 5.2).
    Folded,
    /// A control byte in a header's value.
    FieldValue,
    /// HTTP/1.1 without Host.
    NoHost,
    /// More than one Host.
    ManyHosts,
    /// Host is not a host with an optional port.
    Host,
    /// Content-Length is not one number.
    ContentLength,
    /// More than one Content-Length, equal or not.
    ManyContentLengths,
    /// Transfer-Encoding is not `chunked`.
    TransferEncoding,
    /// Transfer-Encoding names a coding before `chunked`.
    TransferCoding,
    /// Transfer-Encoding in HTTP/1.0.
    TransferEncodingIn10,
    /// Both Transfer-Encoding and Content-Length.
    TwoFramings,
    /// A chunk does not begin with a valid size.
    ChunkSize,
    /// A chunk extension that is too long or holds a control byte.
    ChunkExtension,
    /// A chunk's data is not followed by CR LF.
    ChunkEnd,
    /// The trailer section is longer than the listener takes.
    LongTrailers,
    /// A trailer that would change framing or routing.
    Trailer,
}

impl Kind {
    /// The status that answers it.
    pub fn status(&self) -> u16 {
        match self {
            Self::LongRequestLine => 414,
            Self::LongHead | Self::ManyFields | Self::LongTrailers => 431,
            Self::TransferCoding => 501,
            Self::MajorVersion => 505,
            _ => 400,
        }
    }

    /// One sentence for the client. It holds nothing that the client sent.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::EmptyLines => "too many empty lines stand before the request line",
            Self::BareLf => "a line ends with LF alone, it must end with CR LF",
            Self::BareCr => "a carriage return is not followed by a line feed",
            Self::Nul => "a NUL byte stands where only text may stand",
            Self::Method => "the request line does not begin with a method and one space",
            Self::TargetByte => "the request target holds a byte that must be percent-encoded",
            Self::Fragment => "the request target has a fragment",
            Self::TargetForm => "the request target has no form that fits its method",
            Self::Version => {
                "the request line does not end with one space and HTTP/1.0 or HTTP/1.1"
            }
            Self::MajorVersion => "this connection speaks HTTP/1.0 and HTTP/1.1 only",
            Self::LongRequestLine => "the request line is too long",
            Self::LongHead => "the request head is too long",
            Self::ManyFields => "the request has too many header lines",
            Self::FieldName => "a header line has no valid name before its colon",
            Self::SpaceBeforeColon => "white space stands between a header's name and its colon",
            Self::Folded => "a header line begins with white space",
            Self::FieldValue => "a header's value holds a control byte",
            Self::NoHost => "an HTTP/1.1 request needs a Host header",
            Self::ManyHosts => "the request has more than one Host header",
            Self::Host => "the Host header is not a host with an optional port",
            Self::ContentLength => "Content-Length is not one decimal number in range",
            Self::ManyContentLengths => "the request has more than one Content-Length header",
            Self::TransferEncoding => "Transfer-Encoding is not exactly one \"chunked\"",
            Self::TransferCoding => "chunked is the only transfer coding that is supported",
            Self::TransferEncodingIn10 => "HTTP/1.0 knows no Transfer-Encoding",
            Self::TwoFramings => "the request has both Transfer-Encoding and Content-Length",
            Self::ChunkSize => "a chunk does not begin with a valid size and CR LF",
            Self::ChunkExtension => "a chunk extension is too long or holds an invalid byte",
            Self::ChunkEnd => "a chunk's data is not followed by CR LF",
            Self::LongTrailers => "the trailer section is too long",
            Self::Trailer => "a header that frames or routes the message is sent as a trailer",
        }
    }

    /// The kind for a byte that ends something too early, where `otherwise` says what was expected.
    pub(super) fn of_byte(byte: u8, otherwise: Self) -> Self {
        match byte {
            b'\n' => Self::BareLf,
            0 => Self::Nul,
            _ => otherwise,
        }
    }
}
