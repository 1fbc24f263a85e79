import { describe, expect, it } from 'vitest';
import { SpareAbort } from '../../src/spare-abort.ts';

describe('SpareAbort', () => {
  it('one that was not aborted -> serves the next call', () => {
    const spares = new SpareAbort();
    const first = spares.take();
    spares.giveBack(first);
    expect(spares.take()).toBe(first);
  });

  it('calls at the same time -> one each', () => {
    const spares = new SpareAbort();
    const first = spares.take();
    spares.giveBack(first);
    expect(spares.take()).toBe(first);
    expect(spares.take()).not.toBe(first);
  });

  it('one that was aborted -> serves no other call', () => {
    const spares = new SpareAbort();
    const first = spares.take();
    first.abort();
    spares.giveBack(first);
    expect(spares.take().signal.aborted).toBe(false);
  });

  it('one to which somebody still listens -> serves no other call', () => {
    const spares = new SpareAbort();
    const first = spares.take();
    first.signal.addEventListener('abort', () => {});
    spares.giveBack(first);
    expect(spares.take()).not.toBe(first);
  });

  it('whoever listened and went -> does not keep it from the next call', () => {
    const spares = new SpareAbort();
    const first = spares.take();
    const listener = () => {};
    first.signal.addEventListener('abort', listener, { once: true });
    first.signal.removeEventListener('abort', listener);
    spares.giveBack(first);
    expect(spares.take()).toBe(first);
  });
});
