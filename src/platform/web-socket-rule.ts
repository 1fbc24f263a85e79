// What a listener asks of web clients. Reading it from a configuration is left to config, and holding a client to it to src/web.

/** A listener's clients come by WebSocket (RFC 6455). Plain data: it goes to workers as it is. */
export interface WebSocketRule {
  /** Of the request, without its query; null: any. */
  readonly path: string | null;
  /** What a client may choose from; one that offers none is served all the same. */
  readonly subprotocols: readonly string[];
  /** bytes: a text message is its UTF-8 bytes. refuse: it ends the connection (1003). */
  readonly text: 'refuse' | 'bytes';
  /** A longer message ends the connection (1009). */
  readonly maxMessageBytes: number;
  /** A client that said nothing is asked after so long; null: never. */
  readonly pingEveryMs: number | null;
  /** Whose pages may connect; null: those that the client had from the same host. What is no page sends no Origin, and may. */
  readonly origins: readonly string[] | null;
  /** Absolute path of the file of tokens, of which a client must show one; null: none is asked for. */
  readonly tokenFile: string | null;
}
