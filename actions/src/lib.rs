//! ropewalk-actions
