//! `ropewalk bench`.
use crate::Failed;
/// x
pub async fn bench() -> Result<(), Failed> {
    Ok(())
}
