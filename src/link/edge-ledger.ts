// What each edge's links carried and how often they broke, those that are over included. Counts; decides nothing.
import type { LinkStatus } from '../platform/status.ts';
import type { LinkSession } from './link-session.ts';

/** Edges that are remembered; beyond, the one that was there first and has no link now is forgotten. */
export const MAX_EDGES = 1024;

interface Sums {
  plainBytesFrom: number;
  wireBytesFrom: number;
  plainBytesTo: number;
  wireBytesTo: number;
}

interface Entry {
  readonly sessions: Set<LinkSession>;
  readonly over: Sums;
  sinceMs: number;
  from: string | null;
  breaks: number;
  resumes: number;
}

export class EdgeLedger {
  readonly #edges = new Map<string, Entry>();

  noteConnected(edge: string, session: LinkSession, from: string | null, isResumed: boolean, nowMs: number): void {
    const entry = this.#entryOf(edge);
    entry.sessions.add(session);
    entry.sinceMs = nowMs;
    entry.from = from;
    if (isResumed) entry.resumes += 1;
  }

  noteBroken(edge: string, nowMs: number): void {
    const entry = this.#entryOf(edge);
    entry.breaks += 1;
    entry.sinceMs = nowMs;
  }

  /** The session is over: what it carried stays counted. */
  noteOver(edge: string, session: LinkSession, nowMs: number): void {
    const entry = this.#entryOf(edge);
    if (!entry.sessions.delete(session)) return;
    addSums(entry.over, sumsOf(session));
    entry.sinceMs = nowMs;
  }

  /** In the order in which the edges first came. */
  status(): LinkStatus[] {
    return [...this.#edges].map(([edge, entry]) => {
      const sums = { ...entry.over };
      for (const session of entry.sessions) addSums(sums, sumsOf(session));
      const sessions = [...entry.sessions];
      const figures = sessions.map((session) => session.figures());
      return {
        edge,
        connected: sessions.some(({ isConnected }) => isConnected),
        sinceMs: entry.sinceMs,
        from: entry.from,
        streams: figures.reduce((sum, { streams }) => sum + streams, 0),
        bytesFromEdge: sums.plainBytesFrom,
        wireBytesFromEdge: sums.wireBytesFrom,
        bytesToEdge: sums.plainBytesTo,
        wireBytesToEdge: sums.wireBytesTo,
        breaks: entry.breaks,
        resumes: entry.resumes,
        roundTripMs: figures.find(({ roundTripMs }) => roundTripMs !== null)?.roundTripMs ?? null,
      };
    });
  }

  #entryOf(edge: string): Entry {
    const known = this.#edges.get(edge);
    if (known !== undefined) return known;
    if (this.#edges.size >= MAX_EDGES) {
      const quiet = [...this.#edges].find(([, { sessions }]) => sessions.size === 0);
      if (quiet !== undefined) this.#edges.delete(quiet[0]);
    }
    const over = { plainBytesFrom: 0, wireBytesFrom: 0, plainBytesTo: 0, wireBytesTo: 0 };
    const made = { sessions: new Set<LinkSession>(), over, sinceMs: 0, from: null, breaks: 0, resumes: 0 };
    this.#edges.set(edge, made);
    return made;
  }
}

function sumsOf(session: LinkSession): Sums {
  const { rawBytesReceived, wireBytesReceived, rawBytesSent, wireBytesSent } = session.figures();
  return {
    plainBytesFrom: rawBytesReceived,
    wireBytesFrom: wireBytesReceived,
    plainBytesTo: rawBytesSent,
    wireBytesTo: wireBytesSent,
  };
}

function addSums(sums: Sums, more: Sums): void {
  sums.plainBytesFrom += more.plainBytesFrom;
  sums.wireBytesFrom += more.wireBytesFrom;
  sums.plainBytesTo += more.plainBytesTo;
  sums.wireBytesTo += more.wireBytesTo;
}
