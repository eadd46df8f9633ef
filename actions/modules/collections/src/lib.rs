//! The module `collections`: records that Ropewalk stores for the organization.

mod key;
mod lookup;
mod write;

ropewalk_sdk::module![write::Write, lookup::Lookup];

#[cfg(test)]
mod tests {
    use ropewalk_sdk::Action;

    #[test]
    fn parameters_that_name_fields_are_marked() {
        let write = super::write::Write::schema();
        assert_eq!(write["properties"]["key"]["field"], true);
        let lookup = super::lookup::Lookup::schema();
        assert_eq!(lookup["properties"]["on"]["field"], true);
    }
}
