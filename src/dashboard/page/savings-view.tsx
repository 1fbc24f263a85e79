// What sleeping saved, per day and platform against always on; and who kept what awake.
import { formatFixed } from '../../platform/units.ts';
import type { PlatformReport, PredictedSum, Savings } from '../shapes.ts';
import { Fragment, h } from '../vendor/preact.js';
import { clock, kwh, predictionInWords, savedHeadline } from '../words.ts';
import type { Desk } from './desk.ts';

export function SavingsView({ desk }: { readonly desk: Desk }) {
  const { savings, report } = desk;
  return (
    <Fragment>
      {savings === null || savings === undefined ? (
        <Fragment>
          <h1 class="headline">{report.length === 0 ? 'What it saved' : sleptHeadline(report)}</h1>
          <p class="lede">
            {savings === null ? 'No energy is recorded yet, so this is time only, since Torpor started.' : 'Looking…'}
          </p>
        </Fragment>
      ) : (
        <Saved savings={savings} />
      )}
      <Sleepers report={report} />
    </Fragment>
  );
}

function Saved({ savings }: { readonly savings: Savings }) {
  const { total, currency, own } = savings;
  const days = sumDays(savings);
  return (
    <Fragment>
      <h1 class="headline">{savedHeadline(savings, days.length)}</h1>
      <p class="lede">
        {formatFixed(total.money, 2)} {currency} and {formatFixed(total.co2eKg, 1)} kg CO₂e less than always on:{' '}
        {kwh(total.usedKwh)} used instead of {kwh(total.alwaysOnKwh)}.{' '}
        {total.wattsSource === 'none' ? 'No watts are known.' : `Watts are ${total.wattsSource}.`} Torpor itself drew{' '}
        {kwh(own.kwh)}.
      </p>
      <Bars days={days} />
      <p class="legend" aria-hidden="true">
        <i class="key bar-used" /> used <i class="key bar-saved" /> saved
      </p>
      <Predicted savings={savings} />
      <table class="sums">
        <caption class="unseen">Per platform</caption>
        <thead>
          <tr>
            <th scope="col">Platform</th>
            <th scope="col">Saved</th>
            <th scope="col">Used</th>
            <th scope="col">Always on</th>
            <th scope="col">{currency}</th>
            <th scope="col">Asleep</th>
            <th scope="col">Wakes</th>
            <th scope="col">Watts</th>
          </tr>
        </thead>
        <tbody>
          {savings.platforms.map(({ platform, total: sum }) => (
            <tr key={platform}>
              <th scope="row">{platform}</th>
              <td data-label="Saved">{kwh(sum.savedKwh)}</td>
              <td data-label="Used">{kwh(sum.usedKwh)}</td>
              <td data-label="Always on">{kwh(sum.alwaysOnKwh)}</td>
              <td data-label={currency}>{formatFixed(sum.money, 2)}</td>
              <td data-label="Asleep">{clock(sum.asleepMs)}</td>
              <td data-label="Wakes">{sum.wakes}</td>
              <td data-label="Watts">{sum.wattsSource}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Fragment>
  );
}

/** What platforms in observe mode would have saved: apart from the sums, since it never was. */
function Predicted({ savings }: { readonly savings: Savings }) {
  const observed = savings.platforms.filter(({ predicted }) => predicted !== null);
  if (observed.length === 0) return null;
  return (
    <section class="predicted" aria-labelledby="predicted">
      <h2 id="predicted">Would have saved, predicted</h2>
      <p>In the time in which they only observed. Nothing of it is in the sums.</p>
      <ul>
        {observed.map(({ platform, predicted }) => (
          <li key={platform}>
            <strong>{platform}</strong>: {predictionInWords(predicted as PredictedSum, savings.currency)}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Day {
  readonly day: string;
  readonly usedKwh: number;
  readonly savedKwh: number;
}

/** All platforms together, oldest day first. */
function sumDays({ platforms }: Savings): Day[] {
  const sums = new Map<string, Day>();
  for (const { days } of platforms) {
    for (const { day, usedKwh, savedKwh } of days) {
      const sum = sums.get(day) ?? { day, usedKwh: 0, savedKwh: 0 };
      sums.set(day, { day, usedKwh: sum.usedKwh + usedKwh, savedKwh: sum.savedKwh + savedKwh });
    }
  }
  return [...sums.values()].sort((a, b) => a.day.localeCompare(b.day));
}

/** Each day as a column: used below, saved above. */
function Bars({ days }: { readonly days: readonly Day[] }) {
  const most = Math.max(0.001, ...days.map(({ usedKwh, savedKwh }) => usedKwh + Math.max(0, savedKwh)));
  return (
    <ol class="bars" aria-label="Each day: used and saved">
      {days.map(({ day, usedKwh, savedKwh }) => (
        <li key={day}>
          <span class="bar bar-saved" style={{ height: `${(100 * Math.max(0, savedKwh)) / most}%` }} />
          <span class="bar bar-used" style={{ height: `${(100 * usedKwh) / most}%` }} />
          <small>
            <span aria-hidden="true">{Number(day.slice(8))}</span>
            <span class="unseen">
              {day}: {kwh(usedKwh)} used, {kwh(savedKwh)} saved
            </span>
          </small>
        </li>
      ))}
    </ol>
  );
}

function sleptHeadline(report: readonly PlatformReport[]): string {
  const observed = report.every(({ mode }) => mode === 'observe');
  const totalMs = report.reduce((sum, each) => sum + (observed ? each.wouldHaveSlept : each.slept).totalMs, 0);
  return observed ? `They would have slept ${clock(totalMs)}.` : `They slept ${clock(totalMs)}.`;
}

function Sleepers({ report }: { readonly report: readonly PlatformReport[] }) {
  return (
    <section aria-labelledby="awake-for">
      <h2 id="awake-for">Who kept them awake, since Torpor started</h2>
      {report.map(({ platform, mode, slept, wouldHaveSlept, keptAwakeBy }) => (
        <section key={platform} class="sleeper" aria-label={platform}>
          <h3>{platform}</h3>
          <p>
            {mode === 'observe'
              ? `would have slept ${clock(wouldHaveSlept.totalMs)} and been woken ${wouldHaveSlept.wakes} times`
              : `slept ${clock(slept.totalMs)}, woken ${slept.wakes} times`}
          </p>
          {keptAwakeBy.length === 0 ? (
            <p class="quiet">nobody</p>
          ) : (
            <ul>
              {keptAwakeBy.slice(0, 5).map(({ client, vm, activeMs, aloneMs }) => (
                <li key={`${client} ${vm}`}>
                  <span class="mono">{client}</span> on {vm}: {clock(activeMs)}, {clock(aloneMs)} of it alone
                </li>
              ))}
            </ul>
          )}
        </section>
      ))}
    </section>
  );
}
