// MQTT 3.1.1 packets against bytes made by hand from the standard's figures and examples.
import { describe, expect, it } from 'vitest';
import {
  encodeConnect,
  encodePublish,
  encodeSubscribe,
  PACKET_MAX_BYTES,
  PacketReader,
} from '../../src/integrations/mqtt-packets.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const WILL = { topic: 't/s', payload: 'off', retain: true };

describe('MQTT packets', () => {
  it('CONNECT -> section 3.1: MQTT, level 4, flags, keep alive, client, will, user, password', () => {
    const packet = encodeConnect({ clientId: 'to', keepAliveSeconds: 30, user: 'u', password: 'pw', will: WILL });
    // Flags e6h: user, password, will retain, will, clean session.
    expect(hex(packet)).toBe('101f00044d51545404e6001e0002746f0003742f7300036f6666000175' + '00027077');
    const bare = encodeConnect({ clientId: 'to', keepAliveSeconds: 30, user: null, password: null, will: WILL });
    expect(bare[9]).toBe(0x26);
  });

  it('PUBLISH -> section 3.3: QoS 0 without an identifier; lengths over 127 take two bytes (section 2.2.3)', () => {
    expect(hex(encodePublish({ topic: 'a/b', payload: 'x', retain: false }))).toBe('30060003612f6278');
    expect(hex(encodePublish({ topic: 'a/b', payload: 'x', retain: true }))).toBe('31060003612f6278');
    const long = encodePublish({ topic: 'a', payload: 'x'.repeat(200), retain: false });
    expect(hex(long.subarray(0, 6))).toBe('30cb01000161');
    expect(long.length).toBe(3 + 203);
  });

  it('SUBSCRIBE -> section 3.8.3: identifier, filters, QoS', () => {
    expect(hex(encodeSubscribe(10, ['a/b', 'c/d']))).toBe('820e000a0003612f62000003632f6400');
  });

  it('what a broker sends, split at every place -> the same packets', () => {
    const stream = bytes('20 02 00 00  90 03 0001 00  31 06 0003 612f62 78  d0 00');
    for (let at = 0; at <= stream.length; at += 1) {
      const reader = new PacketReader();
      const packets = [...reader.push(stream.subarray(0, at)), ...reader.push(stream.subarray(at))];
      expect(packets).toEqual([
        { kind: 'connack', code: 0 },
        { kind: 'suback', refused: false },
        { kind: 'publish', topic: 'a/b', payload: 'x', retain: true },
        { kind: 'pingresp' },
      ]);
    }
  });

  it.each([
    ['HTTP in its place', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a length of five bytes', bytes('30 ff ff ff ff 01')],
    ['a topic longer than its packet', bytes('30 03 0009 61')],
    ['a packet at QoS 1, which was not asked for', bytes('32 07 0003 612f62 0001')],
    ['more than may come at once', Buffer.concat([bytes('30 81 80 04'), Buffer.alloc(PACKET_MAX_BYTES)])],
  ])('%s -> refused', (_what, stream) => {
    expect(() => new PacketReader().push(stream)).toThrow();
  });
});
