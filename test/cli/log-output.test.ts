// The log's way out: what happens to lines that nobody takes.
import { describe, expect, it } from 'vitest';
import { LogOutput, type LogOutputOptions, WAITING_MAX } from '../../src/cli/log-output.ts';

function outputTo(write: LogOutputOptions['write']) {
  const told: string[] = [];
  return { told, output: new LogOutput({ write, tell: (text) => told.push(text) }) };
}

describe('the log', () => {
  it('a disk that is full for a while -> told once, lines after it stand by themselves', () => {
    let written = '';
    let room = 7;
    const { output, told } = outputTo((text, done) => {
      written += text.slice(0, room);
      done(text.length > room ? new Error('ENOSPC: no space left on device, write') : null);
    });
    output.write('{"a":1}\n');
    output.write('{"b":1}\n');
    expect(told).toEqual([
      'torpor: the log cannot be written: ENOSPC: no space left on device, write; its lines are lost\n',
    ]);
    written = '{"b":';
    room = 100;
    output.write('{"c":1}\n');
    output.write('{"d":1}\n');
    expect(written).toBe('{"b":\n{"c":1}\n{"d":1}\n');
    room = 0;
    output.write('{"e":1}\n');
    expect(told).toHaveLength(2);
  });

  it('a stream that says later that its reader is gone -> told once', () => {
    const waiting: Array<(error: Error) => void> = [];
    const { output, told } = outputTo((_text, done) => waiting.push(done));
    for (const line of ['a\n', 'b\n', 'c\n']) {
      output.write(line);
      if (line !== 'a\n') for (const done of waiting.splice(0)) done(new Error('write EPIPE'));
    }
    expect(told).toEqual(['torpor: the log cannot be written: write EPIPE; its lines are lost\n']);
  });

  it('a reader that stands still -> a bounded number of characters waits; once they are read, how many lines are lost is told', () => {
    const waiting: Array<() => void> = [];
    let characters = 0;
    const { output, told } = outputTo((text, done) => {
      characters += text.length;
      waiting.push(done);
    });
    const line = `${'x'.repeat(999)}\n`;
    const kept = Math.floor(WAITING_MAX / line.length);
    for (let count = 0; count < kept + 5; count += 1) output.write(line);
    expect(characters).toBe(kept * line.length);
    const last = waiting.pop();
    for (const done of waiting.splice(0)) done();
    expect(told).toEqual([]);
    last?.();
    expect(told).toEqual(['torpor: nobody read the log for a while; 5 of its lines are lost\n']);
    output.write(line);
    expect(characters).toBe((kept + 1) * line.length);
  });
});
