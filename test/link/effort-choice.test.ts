// Which way a piece takes: by the line's rate, by what the stream's bytes do, by what the processor has left.
import { describe, expect, it } from 'vitest';
import { EffortChoice, EncoderSpeeds } from '../../src/link/effort-choice.ts';

const SLOW = 2_500; // bytes a millisecond: 20 Mbit/s
const FAST = 125_000; // 1 Gbit/s

function choiceFor(fast: number, high: number): { choice: EffortChoice; speeds: EncoderSpeeds } {
  const speeds = new EncoderSpeeds();
  const choice = new EffortChoice(speeds);
  for (let n = 0; n < 40; n += 1) {
    choice.note('fast', 10_000, fast * 10_000);
    choice.note('high', 10_000, high * 10_000);
    for (let pause = 0; pause < 300; pause += 1) choice.choose(SLOW, true);
  }
  return { choice, speeds };
}

describe('effort choice', () => {
  it('text on a slow line -> high where more waits, fast where nothing does', () => {
    const { choice } = choiceFor(0.45, 0.3);
    expect(choice.choose(SLOW, true)).toBe('high');
    expect(choice.choose(SLOW, false)).toBe('fast');
  });

  it('text on a fast line, and on one that nobody fills -> fast', () => {
    const { choice } = choiceFor(0.45, 0.3);
    expect(choice.choose(FAST, true)).toBe('fast');
    expect(choice.choose(Number.POSITIVE_INFINITY, true)).toBe('fast');
  });

  it('a processor that does nothing else but encode -> fast, and high again when it has time', () => {
    const { choice, speeds } = choiceFor(0.45, 0.3);
    for (let n = 0; n < 200; n += 1) speeds.note('high', 16_384, 0.9, n);
    expect(speeds.hasTime).toBe(false);
    expect(choice.choose(SLOW, true)).toBe('fast');
    for (let n = 0; n < 200; n += 1) speeds.note('high', 16_384, 0.7, 200 + n * 5);
    expect(speeds.hasTime).toBe(true);
    expect(choice.choose(SLOW, true)).toBe('high');
  });

  it('what does not shrink -> as it is, tried again ever more seldom', () => {
    const choice = new EffortChoice(new EncoderSpeeds());
    const tries: number[] = [];
    for (let piece = 0; piece < 2000; piece += 1) {
      const effort = choice.choose(SLOW, false);
      if (effort === 'aside') continue;
      tries.push(piece);
      choice.note(effort, 16_384, 16_384);
    }
    expect(tries.length).toBeGreaterThan(6);
    expect(tries.length).toBeLessThan(20);
    expect((tries[1] as number) - (tries[0] as number)).toBeLessThan(10);
  });

  it('short messages that do not shrink -> no verdict on the stream', () => {
    const choice = new EffortChoice(new EncoderSpeeds());
    for (let n = 0; n < 50; n += 1) {
      expect(choice.choose(SLOW, false)).toBe('fast');
      choice.note('fast', 12, 14);
    }
  });
});
