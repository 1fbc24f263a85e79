// Which connection of a replayed client a background's read goes to, and what is under way on it. A connection that the opening knows
// lives on through all tiles; one that first speaks within the tile is opened anew by each.
import { readAt } from './background.mjs';

export class Wires {
  #client;
  #background;
  #known;
  /** Ways (connection and direction) on which a TLS record is under way. */
  #underWay = new Set();
  #ofTile = new Set();
  #tile = -1;

  constructor(client, background) {
    this.#client = client;
    this.#background = background;
    this.#known = new Set(background.opening.map(({ connection }) => connection));
  }

  /** The key of the connection that `entry` of the background belongs to, opened where it is new. */
  keyOf(entry) {
    if (entry.tile !== this.#tile) {
      for (const key of this.#ofTile) this.#client.release(key);
      this.#ofTile.clear();
      this.#tile = entry.tile;
    }
    const key = this.#name(entry);
    if (!this.#client.has(key)) {
      this.#client.open(key, entry.atMs);
      if (!this.#known.has(entry.read.connection)) this.#ofTile.add(key);
    }
    return key;
  }

  note(read) {
    if (read.endsRecord) this.#underWay.delete(wayOf(read));
    else this.#underWay.add(wayOf(read));
  }

  /**
   * The same wires for a while from the background's `index` on, for an ending with reads of its own. All connections that it will need are
   * opened at once, so that the core's state may be put back before `end` releases them.
   */
  fork(index, { untilMs, parts }) {
    const opened = new Set();
    const open = (key, atMs) => {
      if (this.#client.has(key)) return;
      this.#client.open(key, atMs);
      opened.add(key);
    };
    for (let at = index; ; at += 1) {
      const entry = readAt(this.#background, at);
      if (entry.atMs > untilMs) break;
      open(this.#name(entry), entry.atMs);
    }
    const partKey = ({ connection }) =>
      this.#known.has(connection) ? String(connection) : `${this.#tile}:${connection}`;
    for (const { atMs, read } of parts) open(partKey(read), atMs);
    const underWay = new Set(this.#underWay);
    return {
      keyOf: (entry) => this.#name(entry),
      keyOfPart: partKey,
      isUnderWay: (read) => underWay.has(wayOf(read)),
      note: (read) => {
        if (read.endsRecord) underWay.delete(wayOf(read));
        else underWay.add(wayOf(read));
      },
      end: () => {
        for (const key of opened) this.#client.release(key);
      },
    };
  }

  #name({ read, tile }) {
    return this.#known.has(read.connection) ? String(read.connection) : `${tile}:${read.connection}`;
  }
}

function wayOf({ connection, direction }) {
  return `${connection} ${direction}`;
}
