// Who is connected to a platform: what each connection speaks, why it counts or does not, and the time left.

import { formatBytes } from '../../platform/units.ts';
import type { Explanation, FarmStream, StreamStatus } from '../shapes.ts';
import { h } from '../vendor/preact.js';
import { clock } from '../words.ts';

interface TableProps {
  readonly explanation: Explanation;
  /** Active ones that other Torpors of the farm carry. */
  readonly elsewhere: readonly FarmStream[];
  readonly nowMs: number;
}

export function StreamsTable({ explanation, elsewhere, nowMs }: TableProps) {
  const { activeStreams, quietStreams, moreQuietStreams } = explanation;
  const own = activeStreams.map(({ stream, idleAtMs }) => ({ stream, idleAtMs, at: null }));
  const others = elsewhere.map((stream) => ({ stream, idleAtMs: stream.idleAtMs ?? nowMs, at: stream.instance }));
  const active = [...own, ...others];
  const quiet = quietStreams.map((stream) => ({ stream, idleAtMs: null, at: null }));
  if (active.length + quiet.length === 0) return <p class="quiet">Nobody is connected.</p>;
  return (
    <div>
      <table class="streams">
        <caption class="unseen">Connections, active ones first</caption>
        <thead>
          <tr>
            <th scope="col">Client and VM</th>
            <th scope="col">Speaks</th>
            <th scope="col">Why it counts, or does not</th>
            <th scope="col">Last active</th>
            <th scope="col">Time left</th>
          </tr>
        </thead>
        <tbody>
          {[...active, ...quiet].map(({ stream, idleAtMs, at }) => (
            <StreamRow key={`${at ?? ''} ${stream.id}`} stream={stream} idleAtMs={idleAtMs} at={at} nowMs={nowMs} />
          ))}
        </tbody>
      </table>
      {moreQuietStreams > 0 ? <p class="quiet">and {moreQuietStreams} more that are idle.</p> : null}
    </div>
  );
}

interface RowProps {
  readonly stream: StreamStatus;
  readonly idleAtMs: number | null;
  /** The Torpor that carries it, where that is another. */
  readonly at: string | null;
  readonly nowMs: number;
}

function StreamRow({ stream, idleAtMs, at, nowMs }: RowProps) {
  const { client, vm, device, speaks, verdict, lastActiveAtMs, lastActiveWhy, heldBytes, mode } = stream;
  const isActive = idleAtMs !== null;
  return (
    <tr class={isActive ? 'is-active' : 'is-quiet'}>
      <th scope="row">
        <span class="mono">{client}</span>
        <small>
          {vm}, {device}
          {at === null ? '' : `, at ${at}`}
        </small>
      </th>
      <td data-label="Speaks">{speaks}</td>
      <td data-label="Why">
        {verdict}
        {heldBytes > 0 ? <small class="held">{formatBytes(heldBytes)} held until it wakes</small> : null}
        {mode === 'delivering' ? <small class="held">being delivered</small> : null}
      </td>
      <td data-label="Last active">
        {lastActiveWhy === '' ? 'never' : `${clock(nowMs - lastActiveAtMs)} ago`}
        {lastActiveWhy === '' ? null : <small>{lastActiveWhy}</small>}
      </td>
      <td data-label="Time left" class="number">
        {isActive ? clock(idleAtMs - nowMs) : 'idle'}
      </td>
    </tr>
  );
}
