//! The server's settings as Rust needs them: read once from `asgate.config.settings.Settings`, by name. Names, units,
//! defaults and reasons are in `config/options.py`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wire::grammar::check_field;
use wire::{Limits, Millis};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RootPathMode {
    /// Prepend unless the path already starts with it (AMB-3).
    Auto,
    Prepend,
    AsIs,
}

pub struct Settings {
    pub wire: Limits,
    pub access_log: bool,
    pub spec_version: String,
    /// From version 2.4 on a late `send` raises (ASGI-110); before it does nothing (ASGI-034).
    pub late_send_raises: bool,
    pub root_path: String,
    pub root_path_mode: RootPathMode,
    pub server_header: bool,
    pub date_header: bool,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub half_close: bool,
    pub connections: usize,
    pub concurrency: usize,
    pub websockets: usize,
    /// Messages of a WebSocket that may wait for its application.
    pub message_queue: usize,
    pub pipeline_size: usize,
    pub read_buffer: usize,
    pub write_buffer: u64,
    pub write_timeout: Millis,
    pub disconnect_timeout: Millis,
    pub linger_timeout: Millis,
    pub batch: usize,
}

impl Settings {
    /// What one read may take: a head, and as much of what follows as may wait here.
    pub fn read_size(&self) -> usize {
        self.wire.head_bytes + self.pipeline_size
    }

    pub fn read(settings: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec_version: String = value(settings, "spec_version")?;
        Ok(Self {
            wire: limits(settings)?,
            access_log: value(settings, "access_log")?,
            late_send_raises: spec_version.as_str() >= "2.4",
            spec_version,
            root_path: value(settings, "root_path")?,
            root_path_mode: match value::<String>(settings, "root_path_mode")?.as_str() {
                "prepend" => RootPathMode::Prepend,
                "as-is" => RootPathMode::AsIs,
                _ => RootPathMode::Auto,
            },
            server_header: value(settings, "server_header")?,
            date_header: value(settings, "date_header")?,
            headers: headers(settings)?,
            half_close: value(settings, "half_close")?,
            connections: value(settings, "limit_connections")?,
            concurrency: value(settings, "limit_concurrency")?,
            websockets: value(settings, "limit_websockets")?,
            message_queue: value::<usize>(settings, "ws_max_queue")?.max(1),
            pipeline_size: value(settings, "limit_pipeline_size")?,
            read_buffer: value(settings, "limit_read_buffer")?,
            write_buffer: value(settings, "limit_write_buffer")?,
            write_timeout: millis(settings, "timeout_write")?,
            disconnect_timeout: millis(settings, "timeout_disconnect")?,
            linger_timeout: millis(settings, "timeout_linger")?,
            batch: value::<usize>(settings, "batch")?.max(1),
        })
    }
}

/// Extra fields of every response; checked like an application's.
fn headers(settings: &Bound<'_, PyAny>) -> PyResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let headers: Vec<(Vec<u8>, Vec<u8>)> = value(settings, "headers")?;
    for (name, value) in &headers {
        check_field(name, value).map_err(|error| PyValueError::new_err(format!("headers: {}", error.reason)))?;
    }
    Ok(headers)
}

fn limits(settings: &Bound<'_, PyAny>) -> PyResult<Limits> {
    Ok(Limits {
        request_line: value(settings, "limit_request_line")?,
        head_bytes: value(settings, "limit_head_size")?,
        head_fields: value(settings, "limit_head_fields")?,
        head_timeout: millis(settings, "timeout_head")?,
        idle_timeout: millis(settings, "timeout_keep_alive")?,
        body_bytes: value(settings, "limit_body_size")?,
        body_rate: value(settings, "limit_body_rate")?,
        body_grace: millis(settings, "timeout_body")?,
        drain_bytes: value(settings, "limit_drain_size")?,
        chunk_line: value(settings, "limit_chunk_line")?,
        websocket: value::<String>(settings, "ws")? != "none",
        message_bytes: value(settings, "ws_max_size")?,
        ping_interval: millis(settings, "ws_ping_interval")?,
        ping_timeout: millis(settings, "ws_ping_timeout")?,
        close_timeout: millis(settings, "ws_close_timeout")?,
        deflate: value(settings, "ws_per_message_deflate")?,
        deflate_level: value(settings, "ws_deflate_level")?,
        deflate_threshold: value(settings, "ws_deflate_threshold")?,
        deflate_bits: value(settings, "ws_deflate_window_bits")?,
        deflate_takeover: value(settings, "ws_deflate_takeover")?,
        ..Limits::DEFAULT
    })
}

fn value<T: for<'a, 'py> FromPyObject<'a, 'py, Error: Into<PyErr>>>(
    settings: &Bound<'_, PyAny>,
    name: &str,
) -> PyResult<T> {
    let found = settings.getattr(name)?;
    found.extract::<T>().map_err(Into::into)
}

/// Seconds (a float) to milliseconds.
fn millis(settings: &Bound<'_, PyAny>, name: &str) -> PyResult<Millis> {
    Ok((value::<f64>(settings, name)?.max(0.0) * 1000.0) as Millis)
}
