#!/usr/bin/env bash
# The crate rfc7239 0.1.3 ("Parser for rfc7239 formatted Forwarded headers") does not know quoted strings: it splits at
# every comma and semicolon, also inside quotes, and leaves the quotes on `host` and `proto`.
#
# RFC 7239, 4: value = token / quoted-string, and a host with a port must be quoted, since a colon is no token character.
# A good engineer would take the crate for exactly such headers. Both inputs below are valid.
#
# Seen:
#   host="\"a.example:8443\""       (the quotes are part of the value)
#   elements=2                      (one element, with a comma in an extension's quoted string, becomes two; one is an error)
#
# Exits non-zero if that changes.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cargo init --quiet --name quoted --vcs none .
cargo add --quiet rfc7239@=0.1.3
cat >src/main.rs <<'RS'
fn main() {
    let quoted = "for=192.0.2.60;host=\"a.example:8443\";proto=https";
    let element = rfc7239::parse(quoted).next().unwrap().unwrap();
    println!("host={:?}", element.host.unwrap());
    let extended = "for=192.0.2.60;note=\"one, two\"";
    let elements: Vec<_> = rfc7239::parse(extended).collect();
    println!("elements={}", elements.len());
    println!("errors={}", elements.iter().filter(|element| element.is_err()).count());
}
RS
cargo run --quiet | tee seen
grep -qxF 'host="\"a.example:8443\""' seen
grep -qx 'elements=2' seen
grep -qx 'errors=1' seen
