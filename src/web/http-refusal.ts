// What a web client is told that is not let in: a status and a text that says what to do. Whom to refuse is judged elsewhere.

/** RFC 9110 section 15. */
const PHRASES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  426: 'Upgrade Required',
  503: 'Service Unavailable',
} as const;

export type RefusalStatus = keyof typeof PHRASES;

/** Headers that the status asks for (RFC 9110; RFC 6455 section 4.4; RFC 6750 section 3). */
const FIELDS: Readonly<Partial<Record<RefusalStatus, readonly string[]>>> = {
  401: ['WWW-Authenticate: Bearer realm="torpor"'],
  405: ['Allow: GET'],
  426: ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  503: ['Retry-After: 10'],
};

/** A whole answer, after which the connection ends. */
export function httpRefusal(status: RefusalStatus, advice: string): Buffer {
  const body = Buffer.from(`${advice}\n`);
  const head = [
    `HTTP/1.1 ${status} ${PHRASES[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    ...(FIELDS[status] ?? []),
    status === 426 ? 'Connection: upgrade, close' : 'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
