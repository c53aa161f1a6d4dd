//! Does what a request asks for in `x-hostile` (request hook) or
//! `x-hostile-response` (response hook), and nothing good comes of it.

use sluice_plugin::prelude::*;

/// Misbehaves on demand.
#[derive(Config)]
struct Hostile {}

#[plugin]
impl Plugin for Hostile {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let Some(what) = request.header_text("x-hostile") else {
            return Ok(Verdict::Next);
        };
        // An edit that must not be seen when the hook fails.
        request.set_header("x-edited", "1")?;
        if what == "reserved-header" {
            request.set_header("transfer-encoding", "chunked")?;
        }
        misbehave(&what)
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Verdict, Error> {
        let Some(what) = request.header_text("x-hostile-response") else {
            return Ok(Verdict::Next);
        };
        response.set_header("x-edited", "1")?;
        if what == "reserved-header" {
            response.set_header("content-length", "1")?;
        }
        misbehave(&what)
    }
}

fn misbehave(what: &str) -> Result<Verdict, Error> {
    let reply = match what {
        "trap" => panic!("on purpose"),
        "loop" => loop {
            std::hint::spin_loop();
        },
        "grow" => grow(),
        "recurse" => Reply::new(recurse(1)),
        "error" => return Err(Error::new("refused on purpose")),
        "invalid-name" => Reply::new(200).with_header("not a name", "1"),
        "invalid-value" => Reply::new(200).with_header("x-split", "1\r\nx-smuggled: 2"),
        "invalid-status" => Reply::new(99),
        "big" => Reply::new(200).with_body("text/plain", vec![b'x'; 10 << 20]),
        "latin1" => Reply::new(200).with_header("x-latin1", b"caf\xe9"),
        _ => return Ok(Verdict::Next),
    };
    Ok(Verdict::respond(reply))
}

fn grow() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&kept);
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u16) -> u16 {
    std::hint::black_box(recurse(std::hint::black_box(depth.wrapping_add(1)))).wrapping_add(1)
}
