//! A separate table, because the table that the linker creates cannot grow.

core::arch::global_asm!(
    "    .tabletype hostile_table, funcref",
    "hostile_table:",
    "    .section .text.hostile_grow_table,\"\",@",
    "    .globl hostile_grow_table",
    "    .type hostile_grow_table,@function",
    "hostile_grow_table:",
    "    .functype hostile_grow_table (i32) -> (i32)",
    "    ref.null_func",
    "    local.get 0",
    "    table.grow hostile_table",
    "    end_function",
);

unsafe extern "C" {
    /// Returns how many elements there were before, or -1 if the table cannot grow.
    fn hostile_grow_table(elements: u32) -> i32;
}

/// Grows the table until it is refused.
pub(crate) fn grow() -> u32 {
    let mut grown = 0;
    // SAFETY: the function only grows a table that nothing else uses.
    while unsafe { hostile_grow_table(1_000) } >= 0 {
        grown += 1_000;
    }
    grown
}
