//! Sequences of operations. The rules stand at `operations::run`.

/// The target.
pub fn check(data: &[u8]) {
    crate::operations::run(data);
}
