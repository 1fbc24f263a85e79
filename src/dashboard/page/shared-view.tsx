// What several platforms, or several Torpors, have in common: circuits and who waits for a turn, pools and their spares, the Torpors of the farm. Nothing where there is none.
import { platformHref } from '../route.ts';
import type { CircuitStatus, FarmInstance, PlatformStatus, PoolEvacuation, PoolStatus } from '../shapes.ts';
import { Fragment, h } from '../vendor/preact.js';
import { clock, movesSoFar, movingLine, STATE_WORDS } from '../words.ts';
import type { Desk } from './desk.ts';

export function SharedView({ desk }: { readonly desk: Desk }) {
  const { circuits, pools, instances } = desk;
  const platforms = desk.platforms ?? [];
  return (
    <Fragment>
      {circuits.length === 0 ? null : <Circuits circuits={circuits} platforms={platforms} nowMs={desk.nowMs} />}
      {pools.length === 0 ? null : <Pools pools={pools} platforms={platforms} nowMs={desk.nowMs} />}
      {instances.length === 0 ? null : <Instances instances={instances} />}
    </Fragment>
  );
}

interface CircuitsProps {
  readonly circuits: readonly CircuitStatus[];
  readonly platforms: readonly PlatformStatus[];
  readonly nowMs: number;
}

function Circuits({ circuits, platforms, nowMs }: CircuitsProps) {
  return (
    <section aria-labelledby="circuits">
      <h2 id="circuits">Circuits</h2>
      <table class="circuits">
        <thead>
          <tr>
            <th scope="col">Circuit</th>
            <th scope="col">Waking</th>
            <th scope="col">Drawn at most</th>
            <th scope="col">Waits for its turn</th>
          </tr>
        </thead>
        <tbody>
          {circuits.map(({ name, waking, wakingAtMost, watts, wattsAtMost, queue }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td data-label="Waking">{wakingAtMost === null ? waking : `${waking} of ${wakingAtMost}`}</td>
              <td data-label="Drawn">{wattsAtMost === null ? 'no bound' : `${watts} of ${wattsAtMost} W`}</td>
              <td data-label="Waits">
                <Queue queue={queue} platforms={platforms} nowMs={nowMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface QueueProps {
  readonly queue: readonly string[];
  readonly platforms: readonly PlatformStatus[];
  readonly nowMs: number;
}

function Queue({ queue, platforms, nowMs }: QueueProps) {
  if (queue.length === 0) return <span class="quiet">nobody</span>;
  const turns = queue.map((name) => ({ name, turn: platforms.find((each) => each.name === name)?.wakeTurn ?? null }));
  return (
    <ol class="queue">
      {turns.map(({ name, turn }) => (
        <li key={name}>
          <a href={platformHref(name)}>{name}</a>
          {turn === null ? null : (
            <small>
              since {clock(nowMs - turn.sinceMs)}: {turn.why}
            </small>
          )}
        </li>
      ))}
    </ol>
  );
}

interface PoolsProps {
  readonly pools: readonly PoolStatus[];
  readonly platforms: readonly PlatformStatus[];
  readonly nowMs: number;
}

function Pools({ pools, platforms, nowMs }: PoolsProps) {
  return (
    <section aria-labelledby="pools">
      <h2 id="pools">Pools</h2>
      <table class="pools">
        <thead>
          <tr>
            <th scope="col">Pool</th>
            <th scope="col">Awake with room</th>
            <th scope="col">Platforms</th>
            <th scope="col">Users</th>
          </tr>
        </thead>
        <tbody>
          {pools.map((pool) => (
            <tr key={pool.name}>
              <th scope="row">{pool.name}</th>
              <td data-label="Room">
                {pool.ready}, {pool.spare} wanted
              </td>
              <td data-label="Platforms">
                <div>
                  <Members pool={pool} platforms={platforms} />
                  {pool.evacuation === null ? null : <Moves evacuation={pool.evacuation} nowMs={nowMs} />}
                </div>
              </td>
              <td data-label="Users" class="number">
                {pool.platforms.reduce((sum, { sessions }) => sum + sessions, 0)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Members({ pool, platforms }: { readonly pool: PoolStatus; readonly platforms: readonly PlatformStatus[] }) {
  return (
    <ul class="queue">
      {pool.platforms.map(({ platform: name, sessions, hasRoom, isKept }) => {
        const platform = platforms.find((each) => each.name === name);
        const moved = pool.evacuation?.platforms.find((each) => each.platform === name);
        const marks = [
          ...(platform === undefined ? [] : [STATE_WORDS[platform.state]]),
          `${sessions} ${sessions === 1 ? 'user' : 'users'}`,
          ...(hasRoom ? [] : ['full']),
          ...(isKept ? ['kept as a spare'] : []),
          ...(platform?.drained === true ? ['drained: takes nobody new'] : []),
        ];
        return (
          <li key={name}>
            <a href={platformHref(name)}>{name}</a>
            <small>{marks.join(', ')}</small>
            {moved === undefined ? null : <small>{moved.why}</small>}
          </li>
        );
      })}
    </ul>
  );
}

/** VMs moved off platforms that are hardly used: the move under way, and how many there were. */
function Moves({ evacuation, nowMs }: { readonly evacuation: PoolEvacuation; readonly nowMs: number }) {
  const { moving } = evacuation;
  return (
    <p class="moves">
      {moving === null ? null : (
        <span class={moving.stage === 'unclear' ? 'problem' : ''}>{movingLine(moving, nowMs)}</span>
      )}
      <small>{movesSoFar(evacuation)}</small>
    </p>
  );
}

function Instances({ instances }: { readonly instances: readonly FarmInstance[] }) {
  return (
    <section aria-labelledby="torpors">
      <h2 id="torpors">Torpors of this farm</h2>
      <table class="torpors">
        <thead>
          <tr>
            <th scope="col">Torpor</th>
            <th scope="col">Version</th>
            <th scope="col">Last beat</th>
            <th scope="col">Connections</th>
          </tr>
        </thead>
        <tbody>
          {instances.map(({ name, version, self, silentMs, answered, streams }) => (
            <tr key={name}>
              <th scope="row">
                {name}
                {self ? <small>this one</small> : null}
              </th>
              <td data-label="Version">{version}</td>
              <td data-label="Last beat">
                {self ? 'its own' : `${clock(silentMs)} ago`}
                {answered === false ? <small class="problem">did not answer</small> : null}
              </td>
              <td data-label="Connections" class="number">
                {streams ?? 'not known'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
