//! A command of the text protocol: one line there, everything until the end of the connection back (operations.md
//! §6.1). Only the connection decides about the exit status, the command's result does not.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Status;
use super::target::Target;

/// For connecting, sending and each piece of the answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) fn run(target: &Target, command: &str) -> Status {
    let stream = match connect(target) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("Cannot connect to rtpengine {}", strerror(&error));
            return Status::Failure;
        }
    };
    match exchange(stream, command, &mut io::stdout().lock()) {
        Ok(()) => Status::Success,
        Err(error) => {
            eprintln!("Connection to rtpengine failed: {}", strerror(&error));
            Status::Failure
        }
    }
}

fn connect(target: &Target) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "No address for this host");
    for address in target.addresses()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn exchange(mut stream: TcpStream, command: &str, out: &mut impl Write) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => out.write_all(buffer.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// The system's words without the number that Rust adds.
pub(crate) fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn one_line_there_everything_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let daemon = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            io::BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            stream.write_all(b"a\nb\n").unwrap();
            line
        });
        let mut out = vec![];
        exchange(connect(&target).unwrap(), "list sessions all", &mut out).unwrap();
        assert_eq!(out, b"a\nb\n");
        assert_eq!(daemon.join().unwrap(), "list sessions all\n");
    }

    #[test]
    fn nobody_there() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = connect(&Target { host: "127.0.0.1".into(), port }).unwrap_err();
        assert_eq!(strerror(&error), "Connection refused");
    }
}
