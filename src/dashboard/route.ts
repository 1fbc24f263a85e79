// Which view the address names: `#/`, `#/platform/NAME`, `#/savings`, `#/events`. Views are others' business.

export type Route =
  | { readonly view: 'farm' }
  | { readonly view: 'platform'; readonly name: string }
  | { readonly view: 'savings' }
  | { readonly view: 'events' };

export function readRoute(hash: string): Route {
  const [, view, name] = hash.split('/');
  if (view === 'platform' && name !== undefined && name !== '') return { view, name: decode(name) };
  if (view === 'savings' || view === 'events') return { view };
  return { view: 'farm' };
}

export function platformHref(name: string): string {
  return `#/platform/${encodeURIComponent(name)}`;
}

/** What somebody typed may be no encoding at all. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
