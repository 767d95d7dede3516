//! Files that an application hands over: opened or duplicated here, so that nothing of Python's is needed while the
//! kernel sends them. Only regular files: anything else has no length to announce.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::errors::{illegal, wrong_type};

pub struct FileRange {
    pub file: OwnedFd,
    pub offset: u64,
    pub count: u64,
}

/// For `http.response.pathsend`.
///
/// # Errors
/// `OSError` (FileNotFoundError, PermissionError …): the head is still held, so that a 404 is possible (ASGI-264).
pub fn of_path(path: &Path) -> PyResult<FileRange> {
    // Opening a FIFO would wait for its writer, and everybody for that.
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(|error| with_path(error, path))?;
    let metadata = file.metadata().map_err(|error| with_path(error, path))?;
    if !metadata.is_file() {
        return Err(illegal(format!("http.response.pathsend: {path:?} is not a regular file (ASGI-261)")));
    }
    Ok(FileRange { file: file.into(), offset: 0, count: metadata.len() })
}

/// An OSError of the class that belongs to its number, with the path that `open` would name.
fn with_path(error: std::io::Error, path: &Path) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, text, path.as_os_str().to_owned()))
        }
        None => error.into(),
    }
}

/// For `http.response.zerocopysend`: a duplicate of the object's descriptor (ASGI-252), and the range that is meant.
pub fn of_object(file: &Bound<'_, PyAny>, offset: Option<u64>, count: Option<u64>) -> PyResult<FileRange> {
    let copy = duplicate(file)?;
    let metadata = copy.metadata()?;
    if !metadata.is_file() {
        return Err(illegal("http.response.zerocopysend: 'file' must be a regular file (ASGI-251)"));
    }
    let offset = match offset {
        Some(offset) => offset,
        None => position(&copy)?,
    };
    let rest = metadata.len().saturating_sub(offset);
    if let Some(count) = count
        && count > rest
    {
        return Err(illegal(format!(
            "http.response.zerocopysend: 'count' is {count}, but only {rest} bytes lie behind offset {offset} (ASGI-251)"
        )));
    }
    Ok(FileRange { file: copy.into(), offset, count: count.unwrap_or(rest) })
}

/// Without an offset the file's own position is used and moved, as sendfile(2) does (ASGI-254, AMB-7).
pub fn advance(file: &Bound<'_, PyAny>, offset: Option<u64>, count: u64) -> PyResult<()> {
    if offset.is_some() {
        return Ok(());
    }
    let copy = duplicate(file)?;
    // SAFETY: a plain system call on a descriptor that we own; no memory is involved.
    let moved = unsafe { libc::lseek(copy.as_raw_fd(), count as libc::off_t, libc::SEEK_CUR) };
    if moved < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}

fn duplicate(file: &Bound<'_, PyAny>) -> PyResult<File> {
    if !file.hasattr("fileno")? {
        return Err(wrong_type("http.response.zerocopysend", "'file'", "a file object with a fileno()", file));
    }
    let found = file.call_method0("fileno")?;
    let Ok(number) = found.cast::<PyInt>().map_err(PyErr::from).and_then(|number| number.extract::<i32>()) else {
        return Err(wrong_type("http.response.zerocopysend", "'file'.fileno()", "int", &found));
    };
    if number < 0 {
        return Err(illegal("http.response.zerocopysend: 'file' is closed (ASGI-251)"));
    }
    // SAFETY: the descriptor is only borrowed for the duplication, which fails cleanly if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(borrowed.try_clone_to_owned()?))
}

fn position(file: &File) -> PyResult<u64> {
    // SAFETY: a plain system call on a descriptor that we own; no memory is involved.
    let position = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_CUR) };
    if position < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(position as u64) }
}
