// Begins: draws the page whenever something has changed, and every second, since most of it counts time.
import { h, render } from '../vendor/preact.js';
import { Desk } from './desk.ts';
import { Frame } from './frame.tsx';

const TICK_MS = 1000;

const root = document.getElementById('page');
if (root === null) throw new Error('the page has no #page');

let isDue = false;
const draw = () => {
  isDue = false;
  render(<Frame desk={desk} />, root);
};
const desk = new Desk(() => {
  if (isDue) return;
  isDue = true;
  queueMicrotask(draw);
});

draw();
setInterval(() => document.hidden || draw(), TICK_MS);
void desk.start();
