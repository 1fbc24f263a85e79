// The simulated host: phases, latencies, the button, and when RAM is lost.
import { describe, expect, it } from 'vitest';
import { SimulatedHost, type SimulatedHostOptions } from '../../../src/power/simulated/simulated-host.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function newHost(options: Omit<SimulatedHostOptions, 'clock'> = {}) {
  const clock = new FakeClock(0);
  const host = new SimulatedHost({ clock, suspendMs: 300, resumeMs: 200, bootMs: 1000, ...options });
  const changes: string[] = [];
  host.onChange(({ phase, acpi, atMs }) => changes.push(`${atMs} ${phase} ${acpi}`));
  return { clock, host, changes };
}

describe('simulated host', () => {
  it('button, then chassis on -> suspends and resumes with its latencies, RAM kept', async () => {
    const { clock, host, changes } = newHost();
    const { bootId } = host;
    host.pressPowerButton();
    await clock.advance(1000);
    host.powerOn();
    await clock.advance(1000);
    expect(changes).toEqual(['0 suspending S0', '300 asleep S3', '1000 resuming S0', '1200 running S0']);
    expect(host.bootId).toBe(bootId);
  });

  it('latencies as functions -> asked anew each time', async () => {
    const latencies = [100, 400];
    const { clock, host, changes } = newHost({ resumeMs: () => latencies.shift() ?? 0 });
    for (let round = 0; round < 2; round += 1) {
      host.pressPowerButton();
      await clock.advance(300);
      host.powerOn();
      await clock.advance(700);
    }
    expect(changes.filter((change) => change.includes('running'))).toEqual(['400 running S0', '1700 running S0']);
  });

  it('firmware that cannot resume: chassis on after S3 -> boots, RAM lost', async () => {
    const { clock, host, changes } = newHost({ wake: 'boot' });
    const { bootId } = host;
    host.pressPowerButton();
    await clock.advance(1000);
    host.powerOn();
    expect(host.bootId).not.toBe(bootId);
    await clock.advance(2000);
    expect(changes).toEqual(['0 suspending S0', '300 asleep S3', '1000 booting S0', '2000 running S0']);
  });

  it('each press is told before anything comes of it, until nobody listens any more', () => {
    const { host } = newHost();
    const seen: string[] = [];
    const stop = host.onPress(() => seen.push(host.phase));
    host.pressPowerButton();
    host.pressPowerButton();
    stop();
    host.pressPowerButton();
    expect([seen, host.buttonPresses]).toEqual([['running', 'suspending'], 3]);
  });

  it('a second press while it suspends -> wakes as soon as it sleeps; while it sleeps -> wakes', async () => {
    const { clock, host } = newHost();
    host.pressPowerButton();
    await clock.advance(100);
    host.pressPowerButton();
    await clock.advance(1000);
    expect([host.phase, host.buttonPresses]).toEqual(['running', 2]);
    host.pressPowerButton();
    await clock.advance(1000);
    expect(host.phase).toBe('asleep');
    host.pressPowerButton();
    await clock.advance(1000);
    expect(host.phase).toBe('running');
  });

  it('chassis on while it suspends or runs -> does nothing', async () => {
    const { clock, host } = newHost();
    host.powerOn();
    expect(host.phase).toBe('running');
    host.pressPowerButton();
    await clock.advance(100);
    host.powerOn();
    await clock.advance(1000);
    expect(host.phase).toBe('asleep');
  });

  it.each([
    ['poweroff', 'off', 'S5'],
    ['ignore', 'running', 'S0'],
  ] as const)('button "%s" -> %s', async (button, phase, acpi) => {
    const { clock, host } = newHost({ button });
    host.pressPowerButton();
    await clock.advance(1000);
    expect([host.phase, host.powerState()]).toEqual([phase, acpi]);
  });

  it('off and on, reset, off while asleep -> another boot id', async () => {
    const { clock, host } = newHost();
    const seen = new Set([host.bootId]);
    const note = async () => {
      await clock.advance(2000);
      expect(host.phase).toBe('running');
      seen.add(host.bootId);
    };
    host.powerOff();
    host.powerOn();
    await note();
    host.reset();
    await note();
    host.pressPowerButton();
    await clock.advance(1000);
    host.powerOff();
    host.pressPowerButton();
    await note();
    expect(seen.size).toBe(4);
  });

  it('off in the middle of a suspend -> stays off: the suspend does not end later', async () => {
    const { clock, host } = newHost();
    host.pressPowerButton();
    await clock.advance(100);
    host.powerOff();
    await clock.advance(5000);
    expect([host.phase, host.powerBit(), host.watts()]).toEqual(['off', false, 4]);
    host.reset();
    expect(host.phase).toBe('off');
  });

  it.each([true, false])('power bit in S3 configured %s -> as configured; watts as modelled', async (powerBitInS3) => {
    const { clock, host } = newHost({ powerBitInS3, watts: { busy: 300, asleep: 9, off: 5 } });
    expect([host.powerBit(), host.watts(), host.peakWatts]).toEqual([true, 300, 300]);
    host.pressPowerButton();
    await clock.advance(1000);
    expect([host.powerBit(), host.watts()]).toEqual([powerBitInS3, 9]);
  });

  it('woken by somebody else -> resumes; not asleep -> nothing', async () => {
    const { clock, host, changes } = newHost();
    host.wakeByOther('Wake-on-LAN');
    expect(changes).toEqual([]);
    host.pressPowerButton();
    await clock.advance(300);
    host.wakeByOther('Wake-on-LAN');
    await clock.advance(200);
    expect(host.phase).toBe('running');
  });

  it('stop -> nothing happens any more', async () => {
    const { clock, host } = newHost();
    host.pressPowerButton();
    host.stop();
    await clock.advance(5000);
    expect([host.phase, clock.pending]).toEqual(['suspending', 0]);
  });
});
