// What happened, newest first, with filters.
import type { FarmEvent } from '../shapes.ts';
import { Fragment, h } from '../vendor/preact.js';
import { momentOf } from '../words.ts';
import type { Desk } from './desk.ts';

/** Rows on the page; more would only slow it down. */
const SHOWN = 300;

export function EventsView({ desk }: { readonly desk: Desk }) {
  const { filter, older } = desk;
  const events = [...(older ?? []), ...desk.events];
  const kinds = [...new Set(events.map(({ kind }) => kind))].sort();
  const names = [
    ...new Set([...(desk.platforms ?? []).map(({ name }) => name), ...events.map(({ platform }) => platform)]),
  ];
  const matching = events.filter((event) => fits(event, filter));
  const shown = matching.slice(-SHOWN).reverse();
  return (
    <Fragment>
      <h1 class="headline">What happened</h1>
      <search>
        <form class="filters" onSubmit={(event: Event) => event.preventDefault()}>
          <Choice
            label="Platform"
            all="all platforms"
            values={names}
            value={filter.platform}
            onPick={(platform) => desk.filterBy({ platform })}
          />
          <Choice
            label="Kind"
            all="all kinds"
            values={kinds}
            value={filter.kind}
            onPick={(kind) => desk.filterBy({ kind })}
          />
          <label>
            Text
            <input
              type="search"
              value={filter.text}
              onInput={(event: Event) => desk.filterBy({ text: (event.target as HTMLInputElement).value })}
            />
          </label>
        </form>
      </search>
      <p class="quiet">
        {shown.length < matching.length ? `The newest ${shown.length} of ${matching.length}` : matching.length} of{' '}
        {events.length} events
      </p>
      <EventList events={shown} />
      {older === null ? (
        <p class="quiet">Nothing older is recorded.</p>
      ) : (
        <p class="buttons">
          <button type="button" disabled={desk.live.isStale} onClick={() => void desk.readOlder()}>
            Older events
          </button>
        </p>
      )}
    </Fragment>
  );
}

export function EventList({ events }: { readonly events: readonly FarmEvent[] }) {
  if (events.length === 0) return <p class="quiet">Nothing.</p>;
  return (
    <ol class="events" reversed>
      {events.map(({ id, atMs, platform, kind, message }) => (
        <li key={`${id} ${atMs}`} class={`event event-${kind}`}>
          <time dateTime={new Date(atMs).toISOString()}>{momentOf(atMs)}</time>
          <span class="event-platform">{platform}</span>
          <span class="event-kind">{kind}</span>
          <span class="event-message">{message}</span>
        </li>
      ))}
    </ol>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly all: string;
  readonly values: readonly string[];
  readonly value: string;
  readonly onPick: (value: string) => void;
}

function Choice({ label, all, values, value, onPick }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event: Event) => onPick((event.target as HTMLSelectElement).value)}>
        <option value="">{all}</option>
        {values.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}

function fits(event: FarmEvent, { platform, kind, text }: Desk['filter']): boolean {
  if (platform !== '' && event.platform !== platform) return false;
  if (kind !== '' && event.kind !== kind) return false;
  return text === '' || event.message.toLowerCase().includes(text.toLowerCase());
}
