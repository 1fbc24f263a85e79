// What every view stands in: the name, the ways to other views, and whether what is seen is still so.
import { Fragment, h } from '../vendor/preact.js';
import { timeOfDay } from '../words.ts';
import type { Desk } from './desk.ts';
import { EventsView } from './events-view.tsx';
import { FarmView } from './farm-view.tsx';
import { LoginView } from './login-view.tsx';
import { OrderDialog } from './order-dialog.tsx';
import { PlatformView } from './platform-view.tsx';
import { SavingsView } from './savings-view.tsx';

export function Frame({ desk }: { readonly desk: Desk }) {
  const isStale = desk.live.isStale;
  const isIn = desk.session !== null && desk.session !== 'login';
  return (
    <Fragment>
      <a class="skip" href="#main">
        Skip to what matters
      </a>
      <header class="top">
        <p class="wordmark">torpor</p>
        {isIn ? <Ways desk={desk} /> : null}
        <Pulse desk={desk} />
      </header>
      {isStale ? <Stale desk={desk} /> : null}
      <main id="main" tabIndex={-1} class={isStale ? 'stale' : ''}>
        <View desk={desk} />
      </main>
      {desk.form === null ? null : (
        <OrderDialog key={desk.form.verb + desk.form.platform} desk={desk} form={desk.form} />
      )}
      <p class="unseen" role="status" aria-live="polite">
        {desk.announcement}
      </p>
    </Fragment>
  );
}

function Ways({ desk }: { readonly desk: Desk }) {
  const { view } = desk.route;
  const way = (href: string, label: string, isHere: boolean) => (
    <a href={href} {...(isHere ? { 'aria-current': 'page' as const } : {})}>
      {label}
    </a>
  );
  return (
    <nav aria-label="Views">
      {way('#/', 'Farm', view === 'farm' || view === 'platform')}
      {way('#/savings', 'Savings', view === 'savings')}
      {way('#/events', 'Events', view === 'events')}
    </nav>
  );
}

function Pulse({ desk }: { readonly desk: Desk }) {
  const { session, live } = desk;
  if (session === null || session === 'login') return null;
  return (
    <p class={`pulse ${live.isStale ? 'pulse-stale' : 'pulse-live'}`}>
      <i aria-hidden="true" /> {live.isStale ? 'no news' : 'live'}
      {session.tokens ? (
        <button type="button" class="plain" onClick={() => void desk.logOut()}>
          {session.name}: leave
        </button>
      ) : null}
    </p>
  );
}

function Stale({ desk }: { readonly desk: Desk }) {
  const { lastNewsMs } = desk.live;
  if (lastNewsMs === null) return null;
  return (
    <p class="stale-note" role="alert">
      No news since {timeOfDay(lastNewsMs)}. What you see may have changed; the page keeps trying.
    </p>
  );
}

function View({ desk }: { readonly desk: Desk }) {
  const { session, platforms, route } = desk;
  if (session === 'login') return <LoginView desk={desk} />;
  if (session === null || platforms === null) return <p class="quiet">Looking for Torpor…</p>;
  if (route.view === 'platform') return <PlatformView key={route.name} desk={desk} name={route.name} />;
  if (route.view === 'savings') return <SavingsView desk={desk} />;
  if (route.view === 'events') return <EventsView desk={desk} />;
  return <FarmView desk={desk} />;
}
