//! The content of a typed request, collected in a temporary file: its length is known before the
//! application is called, and memory does not grow with it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

/// The content of one request.
#[derive(Debug)]
pub struct Content {
    file: File,
    start: u64,
    length: u64,
    media_type: String,
}

/// Where `@-` is read from.
pub type Input<'a> = &'a mut dyn Read;

impl Content {
    /// Data as `-d` has it: pieces joined with `&`, each a text, `@FILE` or `@-`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn data(pieces: &[impl AsRef<OsStr>], media_type: &str, input: Input<'_>) -> Result<Self> {
        let mut file =
            tempfile::tempfile().context("no temporary file can be made for the content")?;
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                file.write_all(b"&")?;
            }
            match piece.as_ref().as_bytes() {
                [b'@', name @ ..] => copy(OsStr::from_bytes(name), &mut file, input)?,
                text => file.write_all(text)?,
            }
        }
        Self::whole(file, media_type.to_owned())
    }

    /// A form with files as `-F` has it: `name=text`, `name=@FILE[;type=T][;filename=N]` to send a
    /// file, `name=<FILE` to send its text (RFC 7578).
    ///
    /// # Errors
    /// For a part without a name, and when a file cannot be read.
    pub fn form(parts: &[impl AsRef<OsStr>], boundary: &str, input: Input<'_>) -> Result<Self> {
        let mut file =
            tempfile::tempfile().context("no temporary file can be made for the content")?;
        for part in parts {
            let part = part.as_ref().as_bytes();
            let equals = part
                .iter()
                .position(|&byte| byte == b'=')
                .filter(|&at| at > 0);
            let Some(equals) = equals else {
                bail!("`-F {}`: NAME=VALUE is expected", part.escape_ascii());
            };
            let (name, value) = (&part[..equals], &part[equals + 1..]);
            write!(
                file,
                "--{boundary}\r\nContent-Disposition: form-data; name=\""
            )?;
            file.write_all(&quoted(name))?;
            file.write_all(b"\"")?;
            if let [b'@' | b'<', rest @ ..] = value {
                let upload = Upload::parse(rest)?;
                if value[0] == b'@' {
                    file.write_all(b"; filename=\"")?;
                    file.write_all(&quoted(&upload.name))?;
                    file.write_all(b"\"")?;
                }
                if let Some(media_type) = upload.media_type(value[0] == b'@') {
                    file.write_all(b"\r\nContent-Type: ")?;
                    file.write_all(media_type)?;
                }
                file.write_all(b"\r\n\r\n")?;
                copy(upload.path, &mut file, input)?;
            } else {
                file.write_all(b"\r\n\r\n")?;
                file.write_all(value)?;
            }
            file.write_all(b"\r\n")?;
        }
        write!(file, "--{boundary}--\r\n")?;
        Self::whole(file, format!("multipart/form-data; boundary={boundary}"))
    }

    /// What is left of `file`.
    ///
    /// # Errors
    /// When the file has no position.
    pub fn rest_of(mut file: File, media_type: String) -> Result<Self> {
        let start = file.stream_position()?;
        let length = file.metadata()?.len().saturating_sub(start);
        Ok(Self {
            file,
            start,
            length,
            media_type,
        })
    }

    fn whole(file: File, media_type: String) -> Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            start: 0,
            length,
            media_type,
        })
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Content-Type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The same content, to be read once more.
    ///
    /// # Errors
    /// When the process has too many files open.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
            start: self.start,
            length: self.length,
            media_type: self.media_type.clone(),
        })
    }

    /// The file, at the content's first byte.
    pub fn into_source(mut self) -> io::Result<File> {
        self.file.seek(SeekFrom::Start(self.start))?;
        Ok(self.file)
    }
}

/// `FILE[;type=T][;filename=N]`
struct Upload<'a> {
    path: &'a OsStr,
    name: Vec<u8>,
    given_type: Option<&'a [u8]>,
}

impl<'a> Upload<'a> {
    fn parse(text: &'a [u8]) -> Result<Self> {
        let mut words = text.split(|&byte| byte == b';');
        let path = OsStr::from_bytes(words.next().unwrap_or_default());
        let own_name = Path::new(path).file_name().unwrap_or_default();
        let mut upload = Self {
            path,
            name: own_name.as_bytes().to_vec(),
            given_type: None,
        };
        for word in words {
            if let Some(media_type) = word.strip_prefix(b"type=") {
                upload.given_type = Some(media_type);
            } else if let Some(name) = word.strip_prefix(b"filename=") {
                upload.name = name.to_vec();
            } else {
                bail!(
                    "`{}`: only `;type=` and `;filename=` may follow a file",
                    text.escape_ascii()
                );
            }
        }
        let type_has_line_end = upload
            .given_type
            .is_some_and(|given| given.iter().any(u8::is_ascii_control));
        if type_has_line_end {
            bail!("`{}`: the type must be one line", text.escape_ascii());
        }
        Ok(upload)
    }

    /// The one given; for a file, else, the usual one of its name's ending.
    fn media_type(&self, is_file: bool) -> Option<&[u8]> {
        let by_ending = || match Path::new(self.path).extension()?.to_str()? {
            "gif" => Some("image/gif"),
            "jpg" | "jpeg" => Some("image/jpeg"),
            "png" => Some("image/png"),
            "svg" => Some("image/svg+xml"),
            "txt" => Some("text/plain"),
            "csv" => Some("text/csv"),
            "htm" | "html" => Some("text/html"),
            "json" => Some("application/json"),
            "pdf" => Some("application/pdf"),
            "xml" => Some("application/xml"),
            _ => None,
        };
        self.given_type.or_else(|| {
            is_file.then(|| by_ending().unwrap_or("application/octet-stream").as_bytes())
        })
    }
}

fn copy(name: &OsStr, to: &mut File, input: Input<'_>) -> Result<()> {
    if name == "-" {
        io::copy(input, to).context("standard input cannot be read")?;
    } else {
        let mut file = File::open(name).and_then(|file| {
            let is_folder = file.metadata()?.is_dir();
            (!is_folder)
                .then_some(file)
                .ok_or(io::ErrorKind::IsADirectory.into())
        });
        file.as_mut()
            .map_err(|error| anyhow!("{error}"))
            .and_then(|file| Ok(io::copy(file, to)?))
            .with_context(|| format!("`{}` cannot be read", name.display()))?;
    }
    Ok(())
}

/// As browsers write a name (HTML, "multipart/form-data encoding").
fn quoted(name: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'"' => quoted.extend(b"%22"),
            b'\r' => quoted.extend(b"%0D"),
            b'\n' => quoted.extend(b"%0A"),
            byte => quoted.push(byte),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: Content) -> String {
        let length = content.length();
        let mut source = content.into_source().expect("a source");
        let mut text = String::new();
        source.read_to_string(&mut text).expect("text");
        assert_eq!(text.len() as u64, length);
        text
    }

    #[test]
    fn data_is_joined_and_files_are_sent_as_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lines");
        std::fs::write(&file, "1\r\n2\n").expect("written");
        let at = format!("@{}", file.display());
        let pieces = ["a=1", &at, "@-"];
        let content = Content::data(&pieces, "x/y", &mut &b"typed"[..]).expect("content");
        assert_eq!(content.media_type(), "x/y");
        assert_eq!(text(content), "a=1&1\r\n2\n&typed");
        let missing = Content::data(&["@/no/such"], "", &mut io::empty()).expect_err("missing");
        assert!(format!("{missing:#}").starts_with("`/no/such` cannot be read: "));
    }

    #[test]
    fn a_form_has_a_part_for_each_field() {
        let parts = ["a=1", "f=@-;type=text/x;filename=q\"q", "t=<-"];
        let content = Content::form(&parts, "B", &mut &b"typed"[..]).expect("a form");
        assert_eq!(content.media_type(), "multipart/form-data; boundary=B");
        assert_eq!(
            text(content),
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%22q\"\r\n\
             Content-Type: text/x\r\n\r\ntyped\r\n\
             --B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\r\n--B--\r\n"
        );
        for bad in ["noequals", "=x", "f=@a;size=3"] {
            assert!(
                Content::form(&[bad], "B", &mut io::empty()).is_err(),
                "{bad}"
            );
        }
    }
}
