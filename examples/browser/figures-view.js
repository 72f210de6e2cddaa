import { bytes, duration, ratio, rounded } from './words.js';

/** The bars' scale doubles with the text; it begins here, in tokens. */
const SMALLEST_SCALE = 64;

const at = (id) => document.querySelector(`#${id}`);

/** What a token of this model will cost. */
export function showCosts({ cacheBytesPerToken: own, denseCacheBytesPerToken: dense }) {
  at('cache-note').textContent =
    own === 0
      ? 'This model keeps a state of constant size, whatever the context.'
      : `A token takes ${bytes(own)} here, ${bytes(dense)} with K and V of the same heads. Pages are reserved whole, so the ratio rises towards ${ratio(dense / own)}.`;
}

/** What one more token changed. */
export function showFigures({ first, speed, length, byteLength, denseBytes }, contextLength) {
  at('speed').textContent = speed === 0 ? '–' : rounded(speed);
  at('first').textContent = duration(first);
  at('length').textContent = length;
  at('length-of').textContent = `of ${contextLength} tokens`;
  at('cache-bytes').textContent = bytes(byteLength);
  at('dense-bytes').textContent = bytes(denseBytes);
  at('cache-ratio').textContent =
    byteLength > denseBytes
      ? `${ratio(byteLength / denseBytes)}× larger so far`
      : `${ratio(denseBytes / byteLength)}× smaller`;
  const tokens = Math.max(length, SMALLEST_SCALE);
  const scale = (denseBytes / length) * 2 ** Math.ceil(Math.log2(tokens));
  at('cache-bar').style.setProperty('--share', byteLength / scale);
  at('dense-bar').style.setProperty('--share', denseBytes / scale);
}
