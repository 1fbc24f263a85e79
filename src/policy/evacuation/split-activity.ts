// The people of one generated office over several platforms, so that holidays and meetings are the same for all of them.
import type { ActivityTrace } from '../activity-trace.ts';
import { EVERYBODY } from '../busy-times.ts';

/** The people by turns, as they first appear; each platform has its own jobs, at the same times. Names: `office6-1`, `office6-2`, … */
export function splitActivity(trace: ActivityTrace, platforms: number): ActivityTrace[] {
  const people = [...new Set(trace.spans.filter(({ isJob }) => !isJob).map(({ client }) => client))].sort();
  const placeOf = new Map(people.map((client, index) => [client, index % platforms]));
  const { calendar, openings } = trace;
  return Array.from({ length: platforms }, (_, index) => {
    const isHere = ({ client }: { readonly client: string }) => placeOf.get(client) === index;
    return {
      ...trace,
      platform: `${trace.platform}-${index + 1}`,
      spans: trace.spans.filter((span) => span.isJob || isHere(span)),
      connections: trace.connections.filter(isHere),
      ...(calendar && { calendar: calendar.filter((entry) => entry.client === EVERYBODY || isHere(entry)) }),
      ...(openings && { openings: openings.filter(isHere) }),
    };
  });
}
