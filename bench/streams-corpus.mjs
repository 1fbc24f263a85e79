// The corpora of the comparison with liblz4: text and a program that are at hand, and what streams carry, made from a seed.
// A corpus is `name`, `about`, `data`, and `lengths` of its messages where it is a stream of messages.
import { open, readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { randomFrom } from './corpus.mjs';

const SOURCES = fileURLToPath(new URL('../src/', import.meta.url));
const HOSTS = ['desk', 'farm', 'build', 'mail', 'files', 'media'];
const PATHS = ['/api/platforms', '/api/streams', '/index.html', '/assets/app.js', '/login', '/api/events?since='];
const WORDS = 'the quick idle of session window error warning file opened closed retry host in to at by with and'.split(
  ' ',
);

/** All nine, of about `bytes` each; repeatable by seed except for the two that are read from this machine. */
export async function makeStreamCorpora(bytes, seed) {
  return [
    { name: 'source', about: "this project's own sources", data: await readSources(bytes) },
    { name: 'elf', about: 'the head of the Node binary', data: await readHead(process.execPath, bytes) },
    { name: 'json-log', about: 'structured log lines', data: fill(bytes, jsonLines(randomFrom(seed))).data },
    { name: 'random', about: 'incompressible', data: fill(bytes, noise(randomFrom(seed + 1))).data },
    { name: 'framebuffer', about: '32-bit pixels: areas, text, a photo', data: makeFramebuffer(bytes, seed + 2) },
    { name: 'http', about: 'requests and answers', ...fill(bytes, httpMessages(randomFrom(seed + 3))) },
    { name: 'terminal', about: 'keys, echoes, screenfuls', ...fill(bytes, terminalMessages(randomFrom(seed + 4))) },
    { name: 'vnc', about: 'pointer and key events, updates', ...fill(bytes, vncMessages(randomFrom(seed + 5))) },
    { name: 'rdp-input', about: 'fast-path input events', ...fill(bytes, rdpMessages(randomFrom(seed + 6))) },
  ];
}

async function readSources(bytes) {
  const names = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const texts = await Promise.all(names.map((name) => readFile(SOURCES + name)));
  const all = Buffer.concat(texts);
  return all.subarray(0, Math.min(bytes, all.length));
}

async function readHead(file, bytes) {
  const handle = await open(file);
  try {
    // The first pages are headers and symbol hashes; code begins later.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 16 * 1024 * 1024);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function fill(bytes, next) {
  const parts = [];
  for (let total = 0; total < bytes; total += parts.at(-1).length) parts.push(next());
  return { data: Buffer.concat(parts), lengths: parts.map(({ length }) => length) };
}

const pick = (random, list) => list[Math.floor(random() * list.length)];
const below = (random, limit) => Math.floor(random() * limit);
const hexOf = (random, digits) => Array.from({ length: digits }, () => below(random, 16).toString(16)).join('');
const sentence = (random, words) => Array.from({ length: words }, () => pick(random, WORDS)).join(' ');

function jsonLines(random) {
  let time = 1_700_000_000_000;
  return () => {
    time += below(random, 900);
    return Buffer.from(
      `${JSON.stringify({
        level: pick(random, [20, 30, 30, 30, 40, 50]),
        time,
        pid: 400 + below(random, 8),
        host: `${pick(random, HOSTS)}-${below(random, 30)}`,
        stream: below(random, 5000),
        bytes: below(random, 100_000),
        trace: hexOf(random, 16),
        msg: sentence(random, 3 + below(random, 6)),
      })}\n`,
    );
  };
}

function noise(random) {
  return () => Buffer.from(Array.from({ length: 4096 }, () => below(random, 256)));
}

/** A screen 1,024 pixels wide: flat areas and gradients, glyph-like runs, and a noisy picture. */
function makeFramebuffer(bytes, seed) {
  const random = randomFrom(seed);
  const data = Buffer.alloc(bytes);
  const glyphs = Array.from({ length: 40 }, () => Array.from({ length: 8 }, () => below(random, 256)));
  for (let pixel = 0; pixel * 4 + 4 <= bytes; pixel += 1) {
    const [x, y] = [pixel % 1024, Math.floor(pixel / 1024)];
    let colour = 0xff202830 + (y >> 5) * 0x010101;
    if (x < 640 && y % 16 < 8) {
      const glyph = glyphs[((x >> 3) * 7 + (y >> 4) * 13 + ((x >> 3) ^ (y >> 4))) % glyphs.length];
      if ((glyph[y % 8] >> (x % 8)) & 1) colour = 0xffe0e0e0;
    } else if (x >= 768 && y % 128 < 64) {
      colour = (0xff000000 + (x & 0xf8) * 0x10000 + (y & 0xfc) * 0x100 + below(random, 24)) >>> 0;
    }
    data.writeUInt32LE(colour >>> 0, pixel * 4);
  }
  return data;
}

function httpMessages(random) {
  const cookie = hexOf(random, 48);
  return () => {
    const [host, path] = [pick(random, HOSTS), pick(random, PATHS) + below(random, 300)];
    if (random() < 0.5) {
      return Buffer.from(
        `GET ${path} HTTP/1.1\r\nHost: ${host}.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: text/html,application/json;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate\r\nCookie: session=${cookie}\r\nX-Request-Id: ${hexOf(random, 16)}\r\nConnection: keep-alive\r\n\r\n`,
      );
    }
    const body = JSON.stringify({ id: below(random, 1e6), host, path, state: sentence(random, 4 + below(random, 20)) });
    return Buffer.from(
      `HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 14 Nov 2023 22:${10 + below(random, 49)}:${10 + below(random, 49)} GMT\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\nETag: "${hexOf(random, 12)}"\r\nCache-Control: no-store\r\n\r\n${body}`,
    );
  };
}

function terminalMessages(random) {
  return () => {
    const kind = random();
    if (kind < 0.5) return Buffer.from(pick(random, 'abcdefghijklmnopqrstuvwxyz \r/-.'.split('')));
    if (kind < 0.7)
      return Buffer.from(`\u001b[${1 + below(random, 24)};${1 + below(random, 80)}H\u001b[K${sentence(random, 4)}`);
    if (kind < 0.9)
      return Buffer.from(`\u001b[01;32muser@${pick(random, HOSTS)}\u001b[00m:\u001b[01;34m~/work\u001b[00m$ `);
    const line = () =>
      `-rw-r--r-- 1 user user ${String(below(random, 100_000)).padStart(8)} Nov ${10 + below(random, 19)} ${10 + below(random, 13)}:${10 + below(random, 49)} ${pick(random, WORDS)}-${below(random, 90)}.ts\r\n`;
    return Buffer.from(Array.from({ length: 1 + below(random, 24) }, line).join(''));
  };
}

function vncMessages(random) {
  let [x, y] = [512, 384];
  return () => {
    const kind = random();
    if (kind < 0.6) {
      x = Math.max(0, Math.min(1023, x + below(random, 15) - 7));
      y = Math.max(0, Math.min(767, y + below(random, 15) - 7));
      return Buffer.from([5, random() < 0.05 ? 1 : 0, x >> 8, x & 255, y >> 8, y & 255]);
    }
    if (kind < 0.75) return Buffer.from([4, below(random, 2), 0, 0, 0, 0, 0, 97 + below(random, 26)]);
    if (kind < 0.9) return Buffer.from([3, 1, 0, 0, 0, 0, 4, 0, 3, 0]);
    const [width, height] = [8 + below(random, 56), 8 + below(random, 16)];
    const update = Buffer.alloc(16 + width * height * 4);
    update.set([0, 0, 0, 1, x >> 8, x & 255, y >> 8, y & 255, 0, width, 0, height, 0, 0, 0, 0]);
    let colour = 0x202830 + below(random, 4) * 0x101010;
    for (let at = 16; at < update.length; at += 4) {
      if (random() < 0.08) colour = pick(random, [0x202830, 0xe0e0e0, 0x3060c0, 0x404850]);
      update.writeUInt32LE(colour, at);
    }
    return update;
  };
}

function rdpMessages(random) {
  let [x, y] = [800, 450];
  return () => {
    const count = 1 + below(random, 3);
    const events = Array.from({ length: count }, () => {
      if (random() < 0.2) return [below(random, 2), 16 + below(random, 40)];
      x = Math.max(0, Math.min(1599, x + below(random, 9) - 4));
      y = Math.max(0, Math.min(899, y + below(random, 9) - 4));
      return [0x20, 0x00, 0x08, x & 255, x >> 8, y & 255, y >> 8];
    }).flat();
    return Buffer.from([count << 2, events.length + 2, ...events]);
  };
}
