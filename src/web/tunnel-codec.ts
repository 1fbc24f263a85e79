// What a subprotocol makes of a stream's bytes on their way through WebSocket messages. Framing, bounds on messages and closing are left to
// the socket (web-stream.ts), and what is inside the stream to nobody here.

/**
 * The two directions of one client's stream, of which each may have a memory (a window). Messages are whole, and in the order in which they were
 * sent; their boundaries are none of the stream's. What `decode` gives is what activity is judged on.
 *
 * Both answers may be the codec's own memory, valid until the next call of any of its methods: the caller copies what it keeps. What is handed in
 * is the caller's, and read during the call only.
 */
export interface TunnelCodec {
  /**
   * The stream's bytes in one binary message of the client's; none are allowed (an empty answer). Throws for a message that is not of the
   * subprotocol, or of which more would come than TUNNEL_MAX_DECODED_BYTES: then the connection is closed (1007), and nothing is asked of the codec
   * but `close`.
   */
  decode(message: Uint8Array): Uint8Array;
  /** One binary message for the client that holds these bytes, at most TUNNEL_MAX_ENCODED_BYTES of them, whole: nothing may wait for later bytes. */
  encode(bytes: Uint8Array): Uint8Array;
  /** Runs once, last: memory that was lent goes back. */
  close(): void;
}

/** A client may choose it by name, where its listener lists that name. */
export interface TunnelSubprotocol {
  /** As in Sec-WebSocket-Protocol (RFC 6455 section 11.3.4): a token. */
  readonly name: string;
  /** False: `open` would throw now, and clients that offer another subprotocol get that. Left out: there is always room. */
  readonly hasRoom?: boolean;
  /** One for each connection. Throws a TorporError where there is no memory for one more: the client is refused (503). */
  open(): TunnelCodec;
}

/** What one message may make at most: a small one must not become a large one without bound. */
export const TUNNEL_MAX_DECODED_BYTES = 1_048_576;
/** `encode` is given so many bytes at most. */
export const TUNNEL_MAX_ENCODED_BYTES = 262_144;
