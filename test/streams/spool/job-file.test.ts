// The head of a spooled job's file: everything that a job can have finds its place in it.
import { describe, expect, it } from 'vitest';
import { decodeHead, encodeHead, HEAD_BYTES, type JobHead } from '../../../src/streams/spool/job-file.ts';

const HEAD: JobHead = {
  arrivedAtMs: 1_794_000_000_000.1235,
  endedAtMs: 1_794_000_000_000.1235,
  contentBytes: 1024 ** 4,
  fileBytes: 1024 ** 4,
  client: '192.0.2.1:4000',
  ends: null,
  ipp: { path: 'p'.repeat(64), name: 'n'.repeat(48), user: 'u'.repeat(32) },
};

describe('job file', () => {
  it('a head -> as it was', () => {
    const bytes = encodeHead(HEAD);
    expect(bytes.length).toBe(HEAD_BYTES);
    expect(decodeHead(bytes)).toEqual(HEAD);
  });

  it('addresses that are told to the printer, beside the longest of each -> the name is left out, then the user', () => {
    const { path, user } = HEAD.ipp as NonNullable<JobHead['ipp']>;
    const left = (zone: string) => {
      const host = `fe80:${'ffff:'.repeat(6)}ffff${zone}`;
      const ends = { client: { host, port: 65_535 }, server: { host, port: 65_535 } };
      const head = { ...HEAD, client: `[${host}]:65535`, ends };
      const read = decodeHead(encodeHead(head));
      expect({ ...read, ipp: head.ipp }).toEqual(head);
      return read?.ipp;
    };
    expect(left('')).toEqual({ path, name: '', user });
    expect(left('%fifteen-letters')).toEqual({ path, name: '', user: '' });
  });
});
