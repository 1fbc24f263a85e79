// The farm at a glance: one sentence, and one line per platform.
import { farmSums } from '../../platform/farm-sums.ts';
import { spansOf } from '../past.ts';
import { platformHref } from '../route.ts';
import type { PlatformStatus } from '../shapes.ts';
import { Fragment, h } from '../vendor/preact.js';
import { farmHeadline, platformLine, STATE_WORDS, wakefulClients } from '../words.ts';
import type { Desk } from './desk.ts';
import { Moon } from './moon.tsx';
import { SharedView } from './shared-view.tsx';
import { Strip } from './strip.tsx';

export function FarmView({ desk }: { readonly desk: Desk }) {
  const platforms = desk.platforms ?? [];
  return (
    <Fragment>
      <section aria-labelledby="headline">
        <h1 id="headline" class="headline">
          {farmHeadline(platforms)}
        </h1>
        <p class="lede">{describeFarm(platforms)}</p>
        <ul class="farm">
          {platforms.map((platform) => (
            <FarmLine key={platform.name} desk={desk} platform={platform} />
          ))}
        </ul>
      </section>
      <SharedView desk={desk} />
    </Fragment>
  );
}

function FarmLine({ desk, platform }: { readonly desk: Desk; readonly platform: PlatformStatus }) {
  const { name, state, watts } = platform;
  const wakeful = wakefulClients(desk.activeStreams, name);
  return (
    <li class={`line line-${state}`}>
      <Moon state={state} />
      <div class="line-who">
        <h2>
          <a href={platformHref(name)}>{name}</a>
          <span class={`state state-${state}`}>{STATE_WORDS[state]}</span>
          {platform.mode === 'observe' ? <span class="tag">observed only</span> : null}
          {platform.maintenance ? <span class="tag">maintenance</span> : null}
        </h2>
        <p class="line-why">{platformLine(platform, wakeful, desk.nowMs)}</p>
      </div>
      <DayStrip desk={desk} platform={platform} />
      <p class="line-watts">
        {watts === null ? (
          <span class="unknown">no reading</span>
        ) : (
          <span>
            <b>{Math.round(watts)}</b> W
          </span>
        )}
      </p>
    </li>
  );
}

function DayStrip({ desk, platform }: { readonly desk: Desk; readonly platform: PlatformStatus }) {
  const { states, fromMs, toMs } = desk.past(platform, 'day');
  return <Strip spans={spansOf({ states }, fromMs, toMs)} fromMs={fromMs} toMs={toMs} />;
}

function describeFarm(platforms: readonly PlatformStatus[]): string {
  const sums = platforms.map(farmSums);
  const streams = sums.reduce((sum, { streams: open }) => sum + open, 0);
  const active = sums.reduce((sum, { pool }) => sum + pool, 0);
  const untold = [...new Set(sums.flatMap(({ untold: names }) => names))].sort();
  const measured = platforms.filter(({ watts }) => watts !== null);
  const watts = measured.reduce((sum, platform) => sum + (platform.watts ?? 0), 0);
  const people = `${streams} ${streams === 1 ? 'connection' : 'connections'} open, ${active} active${untold.length === 0 ? '' : ` (${untold.join(', ')} did not answer)`}`;
  return measured.length === 0 ? `${people}.` : `${people}; ${Math.round(watts)} W drawn now.`;
}
