// One platform: why it is as it is, what can be asked of it, who is connected, and what its day was like.
import { farmSums } from '../../platform/farm-sums.ts';
import { nameInhibitor } from '../../platform/inhibitor.ts';
import { formatBytes } from '../../platform/units.ts';
import { countWakes, knownMs, meanWatts, type Span, spansOf, timeIn } from '../past.ts';
import type { FarmStream, PlatformStatus, StateName } from '../shapes.ts';
import { Fragment, h } from '../vendor/preact.js';
import { clock, STATE_WORDS, timeOfDay, type Wakeful, wakefulClients } from '../words.ts';
import { Chart } from './chart.tsx';
import type { Desk, Verb } from './desk.ts';
import { EventList } from './events-view.tsx';
import { Moon } from './moon.tsx';
import { StreamsTable } from './streams-table.tsx';

/** The way down and up again, in the order of a night. */
const JOURNEY: readonly StateName[] = ['awake', 'drowsy', 'saving', 'suspending', 'asleep', 'waking'];
const RECENT_EVENTS = 12;

export function PlatformView({ desk, name }: { readonly desk: Desk; readonly name: string }) {
  const platform = desk.platform(name);
  if (platform === undefined) return <Unknown name={name} />;
  const { explanation, nowMs } = desk;
  return (
    <Fragment>
      <p class="back">
        <a href="#/">All platforms</a>
      </p>
      <header class="platform-head">
        <Moon state={platform.state} />
        <div>
          <h1>
            {name} <span class={`state state-${platform.state}`}>{STATE_WORDS[platform.state]}</span>
          </h1>
          <p class="summary">{explanation?.summary ?? platform.why}</p>
        </div>
      </header>
      <Journey platform={platform} nowMs={nowMs} />
      <Orders desk={desk} platform={platform} />
      <Reasons platform={platform} wakeful={wakefulClients(desk.activeStreams, name)} nowMs={nowMs} />
      <section aria-labelledby="connections">
        <h2 id="connections">Connections</h2>
        {explanation === null ? (
          <p class="quiet">Looking…</p>
        ) : (
          <StreamsTable explanation={explanation} elsewhere={elsewhere(desk, platform)} nowMs={nowMs} />
        )}
      </section>
      <Past desk={desk} platform={platform} />
      <Facts platform={platform} />
      <section aria-labelledby="recent">
        <h2 id="recent">Lately</h2>
        <EventList
          events={desk.events
            .filter((event) => event.platform === name)
            .slice(-RECENT_EVENTS)
            .reverse()}
        />
      </section>
    </Fragment>
  );
}

/** Active ones that other Torpors of the farm carry. */
function elsewhere({ activeStreams }: Desk, { name, peers }: PlatformStatus): FarmStream[] {
  const isElsewhere = ({ platform, instance }: FarmStream) => platform === name && (instance ?? null) !== null;
  return activeStreams.filter((stream) => isElsewhere(stream) && stream.instance !== peers?.self);
}

function Unknown({ name }: { readonly name: string }) {
  return (
    <Fragment>
      <h1>There is no platform called {name}.</h1>
      <p>
        <a href="#/">All platforms</a>
      </p>
    </Fragment>
  );
}

function Journey({ platform, nowMs }: { readonly platform: PlatformStatus; readonly nowMs: number }) {
  const { state, sinceMs } = platform;
  const here = JOURNEY.indexOf(state);
  return (
    <ol class="journey" aria-label="From awake to asleep and back">
      {JOURNEY.map((step, index) => (
        <li
          key={step}
          class={index === here ? 'here' : ''}
          {...(index === here ? { 'aria-current': 'step' as const } : {})}
        >
          <Moon state={step} />
          <span>{STATE_WORDS[step]}</span>
          <small>{index === here ? clock(nowMs - sinceMs) : ''}</small>
        </li>
      ))}
    </ol>
  );
}

function Orders({ desk, platform }: { readonly desk: Desk; readonly platform: PlatformStatus }) {
  if (desk.session === null || desk.session === 'login' || desk.session.role !== 'operate') {
    return <p class="quiet">Your token may look, not touch.</p>;
  }
  const { state, maintenance, inhibitors, name } = platform;
  const runs = state === 'awake' || state === 'drowsy';
  const isOrdered = inhibitors.some(({ kind }) => kind === 'operator') || maintenance || state === 'failed';
  const button = (verb: Verb, label: string, fits: boolean) => (
    <button type="button" disabled={!fits || !desk.mayOperate} onClick={() => desk.ask(verb, name)}>
      {label}
    </button>
  );
  return (
    <fieldset class="orders">
      <legend class="unseen">Orders for {name}</legend>
      {button('wake', 'Wake', state === 'asleep' || state === 'failed' || state === 'suspending')}
      {button('sleep', 'Put to sleep', runs)}
      {button('inhibit', 'Keep awake', true)}
      {button('release', 'Release', isOrdered)}
      {button('maintenance', maintenance ? 'End maintenance' : 'Maintenance', true)}
    </fieldset>
  );
}

interface ReasonsProps {
  readonly platform: PlatformStatus;
  readonly wakeful: readonly Wakeful[];
  readonly nowMs: number;
}

/** One line of a reason: what, and for how long. */
interface Reason {
  readonly what: string;
  readonly till: string;
  readonly isQuiet: boolean;
}

function Reasons({ platform, wakeful, nowMs }: ReasonsProps) {
  const { blockers, inhibitors, checks } = platform;
  const more = (untilMs: number | null) => (untilMs === null ? '' : `at most ${clock(untilMs - nowMs)} more`);
  const people = wakeful.map(({ client, vm, untilMs }) => reason(`${client} is active on ${vm}`, more(untilMs)));
  const isNamed = (kind: string) => kind === 'pool' && people.length > 0;
  const holding = blockers.filter(({ kind }) => !isNamed(kind)).map(({ why, untilMs }) => reason(why, more(untilMs)));
  const waiting =
    blockers.length > 0
      ? []
      : inhibitors.map((each) => reason(`${nameInhibitor(each)}: ${each.why}`, more(each.untilMs)));
  const free = checks
    .filter(({ blocks }) => !blocks)
    .map((check) =>
      reason(`${nameInhibitor(check)}: ${check.why}`, `${check.outcome} at ${timeOfDay(check.atMs)}`, true),
    );
  const reasons = [...(blockers.length > 0 ? people : []), ...holding, ...waiting, ...free];
  if (reasons.length === 0) return null;
  return (
    <section aria-labelledby="reasons">
      <h2 id="reasons">{blockers.length > 0 ? 'What keeps it awake' : 'Inhibitors and checks'}</h2>
      <ul class="reasons">
        {reasons.map(({ what, till, isQuiet }) => (
          <li key={what} class={isQuiet ? 'quiet' : ''}>
            <span>{what}</span> <small>{till}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function reason(what: string, till: string, isQuiet = false): Reason {
  return { what, till, isQuiet };
}

function Past({ desk, platform }: { readonly desk: Desk; readonly platform: PlatformStatus }) {
  const { span } = desk;
  const { states, watts, fromMs, toMs, isRecorded } = desk.past(platform, span);
  const spans = spansOf({ states }, fromMs, toMs);
  const label = describePast(spans, watts);
  return (
    <section aria-labelledby="past">
      <div class="past-head">
        <h2 id="past">State and power</h2>
        <fieldset class="choice">
          <legend class="unseen">How far back</legend>
          {(['day', 'week'] as const).map((each) => (
            <button key={each} type="button" aria-pressed={span === each} onClick={() => desk.show(each)}>
              {each}
            </button>
          ))}
        </fieldset>
      </div>
      <Chart key={platform.name + span} spans={spans} watts={watts} fromMs={fromMs} toMs={toMs} label={label} />
      <p class="legend" aria-hidden="true">
        <i class="key key-awake" /> awake <i class="key key-between" /> between <i class="key key-asleep" /> asleep{' '}
        <i class="key key-curve" /> watts
      </p>
      <p class="quiet">
        {label}
        {!isRecorded ? ' No history is recorded: this is what Torpor has seen since it started.' : ''}
      </p>
    </section>
  );
}

function describePast(
  spans: readonly Span[],
  watts: ReadonlyArray<{ atMs: number; watts: number; source: string }>,
): string {
  if (spans.length === 0) return 'Nothing is known yet.';
  const lengthMs = knownMs(spans);
  const share = Math.round((100 * timeIn(spans, 'asleep')) / lengthMs);
  const wakes = countWakes(spans);
  const mean = meanWatts(watts);
  const power =
    mean === null
      ? ''
      : `, ${Math.round(mean)} W on average (${[...new Set(watts.map(({ source }) => source))].join(' and ')})`;
  return `Asleep ${share} % of the last ${clock(lengthMs)}, woken ${wakes} ${wakes === 1 ? 'time' : 'times'}${power}.`;
}

function Facts({ platform }: { readonly platform: PlatformStatus }) {
  const { watts, evidence, evidenceIsWeak, wakeProven, wakeProofWhy, bmcReachable } = platform;
  const { pool, streams, heldBytes, heldStoredBytes } = farmSums(platform);
  const facts: Array<[string, string]> = [
    ['Power', watts === null ? 'no reading' : `${Math.round(watts)} W`],
    ['Connections', `${streams} open, ${pool} active`],
    ...(platform.instances ?? []).map(({ instance, version, carried }): [string, string] => {
      const told = carried === null ? 'did not answer' : `${carried.streams} open, ${carried.pool} active`;
      return [`at ${instance} (${version})`, told];
    }),
    ['Held', heldBytes === 0 ? 'nothing' : `${formatBytes(heldBytes)} as ${formatBytes(heldStoredBytes)}`],
    ['Evidence', evidence + (evidenceIsWeak ? ' (weak: probes alone)' : '')],
    ['Wake path', `${wakeProven ? 'proven' : 'not proven'}: ${wakeProofWhy}`],
    ['BMC', bmcReachable ? 'answers' : 'does not answer'],
    ['Since start', `${platform.suspends} sleeps, ${platform.wakes} wakes, ${platform.failures} failures`],
    ['Mode', platform.mode === 'armed' ? 'armed' : 'observe: everything is judged, nothing pressed'],
  ];
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">What is known</h2>
      <dl class="facts">
        {facts.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
