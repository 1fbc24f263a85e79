// The server's end of torpor-lz4.v1: how many may have one, and what becomes of memory that nobody uses.
import { describe, expect, it } from 'vitest';
import { Lz4Tunnels, TUNNEL_SWEEP_MS } from '../../src/web/lz4-tunnel.ts';
import { TUNNEL_MAX_DECODED_BYTES, TUNNEL_MAX_ENCODED_BYTES } from '../../src/web/tunnel-codec.ts';
import { makeData } from '../core/support/block-data.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('lz4 tunnels', () => {
  it('as many as may be, each with the largest histories -> all are kept, the next is refused for now, one that closes makes room', async () => {
    const tunnels = await Lz4Tunnels.load({ clock: new FakeClock(), maxTunnels: 64 });
    const open = Array.from({ length: 64 }, () => tunnels.open());
    const words = makeData('words', 100_000, 1);
    // From its own tunnel's encoder into the next one's decoder: each stream has both ends here.
    for (const [at, tunnel] of open.entries()) {
      const peer = open[(at + 1) % open.length];
      for (let times = 0; times < 2; times += 1) expect(peer?.decode(tunnel.encode(words)).length).toBe(words.length);
    }
    expect(tunnels.hasRoom).toBe(false);
    expect(() => tunnels.open()).toThrow(expect.objectContaining({ code: 'ERR_CORE_MEMORY', retryable: true }));
    open.pop()?.close();
    expect(tunnels.hasRoom).toBe(true);
    open.push(tunnels.open());
    for (const tunnel of open) tunnel.close();
    expect(tunnels.usedBytes).toBe(0);
  });

  it('a tunnel that is quiet -> its encoder is given back after two looks, and both go on as before', async () => {
    const clock = new FakeClock();
    const tunnels = await Lz4Tunnels.load({ clock, maxTunnels: 2 });
    const [here, there] = [tunnels.open(), tunnels.open()];
    const words = makeData('words', 2000, 2);
    there.decode(here.encode(words));
    const usedBytes = tunnels.usedBytes;
    await clock.advance(TUNNEL_SWEEP_MS);
    expect(tunnels.usedBytes).toBe(usedBytes);
    await clock.advance(TUNNEL_SWEEP_MS);
    expect(tunnels.usedBytes).toBeLessThan(usedBytes);
    expect(Buffer.from(there.decode(here.encode(words)))).toEqual(Buffer.from(words));
    here.close();
    there.close();
    await clock.advance(TUNNEL_SWEEP_MS);
    expect([clock.pending, tunnels.usedBytes]).toEqual([0, 0]);
  });

  it('the longest that the seam hands in -> one message, within what the seam lets come out', async () => {
    const tunnels = await Lz4Tunnels.load({ clock: new FakeClock(), maxTunnels: 1 });
    const tunnel = tunnels.open();
    const longest = makeData('copies', TUNNEL_MAX_ENCODED_BYTES, 3);
    const back = tunnel.decode(tunnel.encode(longest));
    expect(Buffer.compare(back, longest)).toBe(0);
    expect(back.length).toBeLessThanOrEqual(TUNNEL_MAX_DECODED_BYTES);
    tunnel.close();
  });
});
