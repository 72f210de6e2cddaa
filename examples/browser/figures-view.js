import { bytes, duration, number, ratio } from './words.js';

/** A full lane is what usual attention keeps of so many tokens; it doubles when a text outgrows it. */
const SHORTEST_LANE = 128;

/** How long a text the second pair of lanes stands for. */
const LONG_TEXT = 8192;

const at = (selector) => document.querySelector(selector);

/** What this model keeps of a long text, and usual attention with as many heads. */
export function showCosts({ mechanism }, info) {
  const { cacheBytesPerToken: own, stateBytes, denseCacheBytesPerToken: dense } = info;
  const name = mechanism.toUpperCase();
  at('#own-name').textContent = `${name}, this model`;
  at('#cache-long dt').textContent = name;
  const [kept, usual] = [stateBytes + own * LONG_TEXT, dense * LONG_TEXT];
  drawLanes('long', kept, usual, usual);
  at('#cache-ratio').textContent = `${ratio(usual / kept)}×`;
  if (mechanism === 'tpa') at('#promise').textContent = `${ratio(usual / kept)} times`;
  at('#cache-note').textContent =
    own === 0
      ? `This model keeps ${bytes(stateBytes)}, however long the text.`
      : `A token takes ${bytes(own)} here and ${bytes(dense)} with multi-head attention (MHA) of the same heads, float32. The lanes of this text double when it outgrows them.`;
}

/** What one more token changed. */
export function showFigures({ first, speed, length, kept, usual }, contextLength) {
  at('#speed').textContent = speed === 0 ? '–' : number(speed);
  at('#pace-now').textContent = speed === 0 ? '' : ` · ${number(speed)}/s`;
  at('#first').textContent = duration(first);
  at('#length').textContent = length;
  at('#length-of').textContent = `of ${number(contextLength)} tokens`;
  const lane = SHORTEST_LANE * 2 ** Math.max(0, Math.ceil(Math.log2(length / SHORTEST_LANE)));
  drawLanes('bars', kept, usual, (usual / length) * lane);
}

function drawLanes(id, kept, usual, full) {
  for (const [selector, stored] of [
    [`#${id} .own`, kept],
    [`#${id} .bar:not(.own)`, usual],
  ]) {
    at(`${selector} dd`).textContent = bytes(stored);
    at(selector).style.setProperty('--share', Math.min(1, stored / full));
  }
}
