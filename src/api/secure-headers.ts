// The headers that keep a browser from being turned against the API: one table for everything that is answered.

/** Of pages: nothing but Torpor's own files, no script or style within the page, nobody may frame it, no string becomes code. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

const COMMON = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Of answers that hold data. They are not kept by anybody. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  ...COMMON,
  'cache-control': 'no-store',
  'content-security-policy': DATA_POLICY,
};

/** Of the dashboard's files: kept, and asked for anew each time. */
export const FILE_HEADERS: Readonly<Record<string, string>> = {
  ...COMMON,
  'cache-control': 'no-cache',
  'content-security-policy': PAGE_POLICY,
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), usb=()',
};
