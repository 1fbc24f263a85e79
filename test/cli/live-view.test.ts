// Lines drawn again and again: cut to the terminal, once per change elsewhere, and the screen given back at a signal.
import { describe, expect, it, vi } from 'vitest';
import { cutLine, showLive } from '../../src/cli/live-view.ts';
import { showProgress } from '../../src/cli/progress.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeIo } from './fakes/fake-io.ts';

describe('live view', () => {
  it.each([
    ['short', 'short'],
    ['123456', '12345\x1b[0m'],
    ['\x1b[32m123\x1b[39m45', '\x1b[32m123\x1b[39m45'],
    ['\x1b[32m1234567\x1b[39m', '\x1b[32m12345\x1b[0m'],
  ])('%j in five columns -> %j', (line, cut) => {
    expect(cutLine(line, 5)).toBe(cut);
  });

  it('on a terminal -> a screen of its own, drawn again, given back at a signal', async () => {
    const io = new FakeIo();
    io.outIsTerminal = true;
    let looks = 0;
    const view = showLive(io, { look: async () => [`look ${++looks}`, ...Array<string>(20).fill('more')] });
    await comesTrue(() => expect(io.stdout).toContain('look 2'));
    io.signal('SIGINT');
    await view;
    expect(io.stdout.startsWith('\x1b[?1049h')).toBe(true);
    expect(io.stdout.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    // Ten rows, the last one left to the cursor.
    expect(io.stdout.split('look 2')[1]?.split('more').length).toBe(9);
    expect(io.signalListeners).toBe(0);
  });

  it('a look that fails at first -> the error, and no escape sequence', async () => {
    const io = new FakeIo();
    io.outIsTerminal = true;
    await expect(showLive(io, { look: () => Promise.reject(new Error('nobody there')) })).rejects.toThrow(
      'nobody there',
    );
    expect(io.stdout).toBe('');
    expect(io.signalListeners).toBe(0);
  });

  it('progress -> nothing before a second, nothing where nobody looks, the line cleared at the end', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const [seen, unseen] = [new FakeIo(), new FakeIo()];
    seen.errIsTerminal = true;
    const ends = [seen, unseen].map((io) => showProgress(io, () => 'checking'));
    vi.advanceTimersByTime(900);
    expect(seen.stderr).toBe('');
    vi.advanceTimersByTime(1_200);
    expect(seen.stderr).toContain('checking (2 s)');
    for (const end of ends) end();
    expect(seen.stderr.endsWith('\r\x1b[K')).toBe(true);
    expect(unseen.stderr).toBe('');
    vi.useRealTimers();
  });
});
