// The page that a browser sees while a sleeping server wakes: whole in itself, and it turns into the site when that is there.
import { createHash } from 'node:crypto';

/** What is known of the wake that the page tells about. */
export interface WakeNotice {
  readonly vm: string;
  /** Since somebody first asked for the VM. */
  readonly elapsedMs: number;
  /** How long the last wake took until the VM answered; null where none was seen yet. */
  readonly usualMs: number | null;
}

const STYLE = `
:root{color-scheme:light dark;--paper:#f5f2ea;--ink:#1b2033;--muted:#5b6176;--line:#ddd6c7;--lamp:#eaa93c;--night:#35447f}
@media(prefers-color-scheme:dark){:root{--paper:#0d1120;--ink:#ece7db;--muted:#9ba4bf;--line:#262e49;--lamp:#ffcf7a;--night:#5468b4}}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;text-align:center}
main{min-height:100vh;display:grid;place-content:center;justify-items:center;gap:1.2rem;padding:2rem;box-sizing:border-box}
h1{margin:0;font:400 clamp(1.9rem,6vw,2.9rem)/1.1 "Iowan Old Style","Palatino Linotype",Palatino,Georgia,serif;overflow-wrap:anywhere}
p{margin:0;max-width:34rem;color:var(--muted);font-variant-numeric:tabular-nums}
svg{width:5.5rem;height:5.5rem}
.disc{fill:none;stroke:var(--night);stroke-width:.8}
.lit{fill:var(--lamp)}
progress{width:min(18rem,70vw);height:4px;appearance:none;border:0;background:var(--line)}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--lamp)}
progress::-moz-progress-bar{background:var(--lamp)}`;

/** A HEAD of the same address is held by Torpor until the server takes it: its answer, whatever it is, means that the site is there. */
const SCRIPT = `
const {elapsed,usual}=document.body.dataset;
const began=performance.now()-Number(elapsed);
const lit=document.querySelector('.lit'),bar=document.querySelector('progress'),text=document.querySelector('#how-long');
const seconds=(ms)=>Math.max(1,Math.round(ms/1000))+' s';
function draw(){
  const passed=performance.now()-began,usualMs=Number(usual)||30000;
  const part=1-Math.exp(-1.6*passed/usualMs),rx=9*Math.abs(1-2*part);
  lit.setAttribute('d','M12 3A9 9 0 0 1 12 21A'+rx+' 9 0 0 '+(part>.5?1:0)+' 12 3Z');
  bar.value=part;
  const often=usual?' It usually takes about '+seconds(Number(usual))+'.':'';
  text.textContent='Asked for '+seconds(passed)+' ago.'+(usual&&passed>3*usualMs?' This takes longer than usual.':often);
}
draw();setInterval(draw,200);
async function wait(){
  try{await fetch(location.href,{method:'HEAD',cache:'no-store',redirect:'manual',headers:{'torpor-wait':'1'}})}
  catch{await new Promise((done)=>setTimeout(done,5000))}
  location.reload();
}
wait();`;

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The whole answer. 503, so that nobody keeps it for the site's own. */
export function waitingPage({ vm, elapsedMs, usualMs }: WakeNotice): Buffer {
  const leftS = usualMs === null ? 5 : Math.max(1, Math.ceil((usualMs - elapsedMs) / 1000));
  const name = escapeHtml(vm);
  const usual = usualMs === null ? '' : String(Math.round(usualMs));
  const body = Buffer.from(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${name} is waking up</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<noscript><meta http-equiv="refresh" content="${leftS}"></noscript><style>${STYLE}</style></head>
<body data-elapsed="${Math.round(elapsedMs)}" data-usual="${usual}"><main>
<svg viewBox="0 0 24 24" aria-hidden="true"><circle class="disc" cx="12" cy="12" r="9"/><path class="lit"/></svg>
<h1>${name} is waking up</h1>
<progress max="1" aria-label="Waking"></progress>
<p id="how-long"></p>
<p>It slept while nobody was there. This page turns into the site as soon as it answers.</p></main>
<script>${SCRIPT}</script></body></html>
`);
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${body.length}`,
    `Retry-After: ${leftS}`,
    'Cache-Control: no-store',
    `Content-Security-Policy: ${POLICY}`,
    'Referrer-Policy: no-referrer',
    'X-Content-Type-Options: nosniff',
    'X-Torpor: waiting',
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
