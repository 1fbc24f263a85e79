// The nearest name to a slip. Distances were counted by hand.
import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/config/nearest-name.ts';

const KNOWN = ['name', 'mode', 'idleTimeout', 'disconnectGrace', 'drowsyFor', 'minAwake', 'vms', 'power'];

describe('nearestName', () => {
  it.each([
    ['idleTimeot', 'idleTimeout'],
    ['idletimeout', 'idleTimeout'],
    ['idelTimeout', 'idleTimeout'],
    ['idle_timeout', 'idleTimeout'],
    ['diconectGrase', 'disconnectGrace'],
    ['mod', 'mode'],
    ['pwoer', 'power'],
    ['vm', 'vms'],
    ['NAME', 'name'],
  ])('%s -> %s', (slip, meant) => {
    expect(nearestName(slip, KNOWN)).toBe(meant);
  });

  it.each(['', 'x', 'listen', 'timeout', 'idle', 'z'.repeat(1000)])('%s -> none is near', (slip) => {
    expect(nearestName(slip, KNOWN)).toBeNull();
  });

  it('two equally near -> the first', () => {
    expect(nearestName('nape', ['name', 'nave'])).toBe('name');
  });
});
