// What feeds several platforms and bears only so many wakes, or watts, at once: the words of the YAML, what of them contradicts itself.
import { z } from 'zod';
import type { Circuit } from '../platform/wake-order.ts';
import type { PlaceRule } from '../platform/wake-place.ts';
import { durationField, textField, wattsField, wholeField } from './fields.ts';
import { mapping } from './mapping.ts';
import { nearestName } from './nearest-name.ts';
import { asMapping, children, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';
import type { ConfigPath } from './yaml-source.ts';

const MAX_CIRCUITS = 10_000;
const WAKING_MAX = 100_000;
const PRIORITY_MAX = 100;
const DEFAULT_PRIORITY = 50;

const nameField = textField(
  'a name of letters, digits, dots, hyphens or underscores, such as rack-a',
  /^[A-Za-z0-9][\w.-]{0,63}$/,
);

export const circuitsSchema = z
  .array(
    mapping({
      name: nameField,
      wakingAtMost: wholeField(1, WAKING_MAX).nullable().default(null),
      watts: wattsField.nullable().default(null),
      waitAtMost: durationField(1000).prefault('1h'),
    }),
  )
  .max(MAX_CIRCUITS, `the list has more than ${MAX_CIRCUITS} circuits: write fewer`)
  .default([]);

/** What stands of it among a platform's own keys. */
export const platformCircuitKeys = {
  circuit: nameField.nullable().default(null),
  wakePriority: wholeField(0, PRIORITY_MAX).default(DEFAULT_PRIORITY),
};

/** A platform's place on its circuit. */
export interface CircuitPlace extends PlaceRule {
  readonly name: string;
  /** The circuit's own. */
  readonly waitAtMostMs: number;
}

type ParsedCircuits = z.output<typeof circuitsSchema>;
type Watts = Readonly<Record<'inrush' | 'busy' | 'idle' | 'asleep', number | null>>;

interface ParsedPlace {
  readonly circuit: string | null;
  readonly wakePriority: number;
  readonly power: { readonly watts: Watts };
}

export function toCircuits(parsed: ParsedCircuits): Circuit[] {
  return parsed.map(({ waitAtMost, ...rest }) => ({ ...rest, waitAtMostMs: waitAtMost }));
}

export function toCircuitPlace({ circuit, wakePriority, power }: ParsedPlace, circuits: ParsedCircuits) {
  const found = circuits.find(({ name }) => name === circuit);
  if (found === undefined) return null;
  const { inrush, busy, idle, asleep } = power.watts;
  const running = busy ?? idle ?? 0;
  const watts = { asleep: asleep ?? 0, running, waking: inrush ?? running };
  return { name: found.name, waitAtMostMs: found.waitAtMost, priority: wakePriority, watts };
}

interface Found {
  readonly path: ConfigPath;
  readonly what: string;
}

/** Names that lead nowhere, limits without what they count, platforms that could never be woken. */
export function checkCircuits(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const circuits = children({ path: [], value: asMapping(root) }, 'circuits');
  return [
    ...circuits.flatMap((circuit, index) => checkCircuit(circuit, circuits.slice(0, index))),
    ...platforms.flatMap((platform) => checkPlace(platform, circuits)),
  ];
}

function checkCircuit({ path, value }: Placed<Mapping>, before: ReadonlyArray<Placed<Mapping>>): Found[] {
  const findings: Found[] = [];
  if (typeof value.name === 'string' && before.some((other) => other.value.name === value.name)) {
    findings.push({ path: [...path, 'name'], what: `another circuit is called ${value.name}: write another name` });
  }
  if (isUnset(value.wakingAtMost) && isUnset(value.watts)) {
    findings.push({ path, what: 'it bounds nothing: write wakingAtMost, or watts, or both' });
  }
  return findings;
}

function checkPlace({ path, value }: Placed<Mapping>, circuits: ReadonlyArray<Placed<Mapping>>): Found[] {
  if (typeof value.circuit !== 'string') {
    if (value.wakePriority === undefined) return [];
    const what = 'priorities count among the platforms of a circuit: write circuit, or leave it out';
    return [{ path: [...path, 'wakePriority'], what }];
  }
  const names = circuits.map((circuit) => scalarText(circuit.value.name));
  const circuit = circuits.find((each) => each.value.name === value.circuit)?.value;
  if (circuit === undefined) return [{ path: [...path, 'circuit'], what: unknownCircuit(value.circuit, names) }];
  return typeof circuit.watts === 'number' ? checkDraw(path, value, circuit) : [];
}

function unknownCircuit(circuit: string, names: readonly string[]): string {
  const near = nearestName(circuit, names);
  if (near !== null) return `no circuit is called ${circuit}; did you mean ${near}?`;
  const known = names.length === 0 ? 'there are none: write circuits' : `there are: ${names.join(', ')}`;
  return `no circuit is called ${circuit}; ${known}`;
}

function checkDraw(path: ConfigPath, platform: Mapping, { name, watts }: Mapping): Found[] {
  const own = asMapping(asMapping(platform.power).watts);
  const most = [own.inrush, own.busy, own.idle].find((each) => typeof each === 'number');
  if (most === undefined || (isUnset(own.busy) && isUnset(own.idle))) {
    const what = `circuit ${name} counts watts: write power.watts.busy, as it was measured`;
    return [{ path: [...path, 'circuit'], what }];
  }
  if (Number(most) <= Number(watts)) return [];
  const what = `it draws ${most} W and circuit ${name} bears ${watts}, so it could never be woken: write what was measured`;
  return [{ path: [...path, 'circuit'], what }];
}
