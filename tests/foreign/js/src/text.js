// Texts with fields in them.

/** Puts the record's fields in the place of `{{field}}`; what is missing becomes nothing. */
export function fill(template, record, encode = (text) => text) {
  return template.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, field) => encode(asText(record[field])));
}

/** Texts as they are, nothing for what is missing, JSON for all else. */
function asText(value) {
  return typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value);
}

/** `1 record`, `318 records`. */
export function counted(count, what) {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
