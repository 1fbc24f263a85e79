// A TLS record as it is seen from outside: a header, and a body that says nothing.

/** An application data record, TLS 1.2 on the wire. RFC 8446 section 5.1. */
export function tlsRecord(bodyBytes: number): Buffer {
  return Buffer.from([23, 3, 3, bodyBytes >> 8, bodyBytes & 0xff, ...new Uint8Array(bodyBytes)]);
}
