// Takes secrets out of what is about to be logged, should somebody hand one in: by the names of keys at any depth, and by the
// forms that secrets have in text. The real protection is that secrets are read at their use and given to nobody; this is the second one.

export const MASK = '***';
/** Deeper values are not shown at all: what is logged is flat. */
const MAX_DEPTH = 8;

/** Whole words of a key, whatever its case: `password`, `bmcPassword`, `x-auth-token`; not `passwordFile`, which is a path. */
const SECRET_KEY =
  /(?:^|[^a-z])(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|credential|private[-_]?key|api[-_]?key|kg)s?$/;

/** Facts as they may be logged. Nothing of the original is changed. */
export function maskSecrets(facts: object): Record<string, unknown> {
  return maskEntries(facts, 0);
}

function maskEntries(value: object, depth: number): Record<string, unknown> {
  const entries = value instanceof Error ? errorEntries(value) : Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, each]) => [key, isSecretKey(key) && each != null ? MASK : maskValue(each, depth + 1)]),
  );
}

function maskValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return maskText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return MASK;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map((each) => maskValue(each, depth + 1));
  return maskEntries(value, depth);
}

function errorEntries(error: Error): Array<[string, unknown]> {
  return [['name', error.name], ['message', error.message], ...Object.entries(error)];
}

function isSecretKey(key: string): boolean {
  // camelCase into words: `bmcPassword` as `bmc-password`.
  return SECRET_KEY.test(key.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase());
}

/** Text without the password of an address in it, the credentials of an Authorization header, or a private key in PEM. */
export function maskText(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*:)[^\s/@"']+@/gi, `$1${MASK}@`)
    .replace(/\b(Bearer|Basic|Digest|PVEAPIToken=[^\s=]+=)(\s*)[A-Za-z0-9._~+/=:-]{8,}/g, `$1$2${MASK}`)
    .replace(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, `-----BEGIN $1----- ${MASK}`);
}
