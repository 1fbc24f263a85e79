// The header fields of an HTTP/1 message, as a map. Which message it is, and what they mean, is the reader's.

/** RFC 9112 section 5. Names in lower case; a name that is there twice has both values, joined by commas. null: a line is no field. */
export function readFields(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) return null;
    const name = (match[1] as string).toLowerCase();
    const known = fields.get(name);
    fields.set(name, known === undefined ? (match[2] as string) : `${known}, ${match[2]}`);
  }
  return fields;
}
