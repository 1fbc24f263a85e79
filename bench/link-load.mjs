// Load of the link's bench, run inside a network namespace: a sink, a sender, a typist, and a line that delays.
// node link-load.mjs sink PORT | send PORT FILE TIMES | type PORT SECONDS | delay PORT HOST TARGET-PORT MS
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from './quantile.mjs';

/** First byte of a connection: what the sink is to do with it. */
const COUNT = 0x63;
const ECHO = 0x65;
const KEY_PAUSE_MS = 50;
/** What a router's queue holds; behind it the sender waits. */
const QUEUE_BYTES = 65_536;

const [deed, ...args] = process.argv.slice(2);
const deeds = { sink, send, type, delay };
await deeds[deed](...args);

/** Counts what follows COUNT and the length (8 bytes), then answers the count; or echoes what follows ECHO. */
function sink(port) {
  createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    let left = -1n;
    socket.on('data', (bytes) => {
      if (left >= 0n) count(bytes);
      else {
        head = Buffer.concat([head, bytes]);
        if (head[0] === ECHO) {
          socket.removeAllListeners('data');
          socket.write(head.subarray(1));
          socket.pipe(socket);
        } else if (head.length >= 9) {
          left = head.readBigUInt64BE(1);
          count(head.subarray(9));
        }
      }
    });
    const count = (bytes) => {
      left -= BigInt(bytes.length);
      if (left === 0n) socket.end(Buffer.of(COUNT));
    };
  }).listen(Number(port), '0.0.0.0', () => console.log('ready'));
}

async function send(port, file, times) {
  const data = readFileSync(file);
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  const head = Buffer.alloc(9);
  head[0] = COUNT;
  head.writeBigUInt64BE(BigInt(data.length) * BigInt(times), 1);
  const answered = new Promise((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('closed before it was all counted')));
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  const began = performance.now();
  socket.write(head);
  for (let time = 0; time < Number(times); time += 1) {
    for (let at = 0; at < data.length; at += 65_536) {
      if (!socket.write(data.subarray(at, at + 65_536))) await new Promise((resolve) => socket.once('drain', resolve));
    }
  }
  await answered;
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ bytes: data.length * Number(times), seconds }));
  socket.destroy();
}

/** One key every 50 ms, and how long each took to come back. */
async function type(port, seconds) {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(Buffer.of(ECHO));
  const waits = [];
  const end = performance.now() + Number(seconds) * 1000;
  while (performance.now() < end) {
    const began = performance.now();
    socket.write('k');
    await new Promise((resolve) => socket.once('data', resolve));
    waits.push(performance.now() - began);
    await pause(KEY_PAUSE_MS);
  }
  console.log(JSON.stringify({ keys: waits.length, p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99) }));
  socket.destroy();
}

/** Each chunk goes on `ms` later, in order; a queue that is full stops the reading. */
function delay(port, host, targetPort, ms) {
  createServer((near) => {
    const far = connect({ port: Number(targetPort), host, noDelay: true });
    near.setNoDelay(true);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on('error', () => to.destroy());
      from.on('close', () => setTimeout(() => to.destroy(), Number(ms)));
      from.on('data', (bytes) => {
        setTimeout(() => to.write(bytes), Number(ms));
        if (to.writableLength > QUEUE_BYTES) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    }
  }).listen(Number(port), '127.0.0.1', () => console.log('ready'));
}
