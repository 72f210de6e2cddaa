/** Numbers as people read them. */

/** Who computes. */
export const PLACES = { wasm: 'the processor', webgpu: 'the graphics chip' };

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

/** `245760` is "246 kB". */
export function bytes(count) {
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  return number(count / 1000 ** step, { style: 'unit', unit: UNITS[step] });
}

/** `2531328` is "2.53M". */
export function short(count) {
  return number(count, { notation: 'compact' });
}

/** A time: "0.81 ms", "78 ms", "2.5 s". */
export function duration(milliseconds) {
  const digits = { maximumSignificantDigits: 2 };
  if (milliseconds < 1000) return `${number(milliseconds, digits)} ms`;
  return `${number(milliseconds / 1000, digits)} s`;
}

/** How many times: "3.2". */
export function ratio(value) {
  return number(value, { maximumSignificantDigits: 2 });
}

/** `1234.5` is "1,230": three digits, which is more than the clock is good for. */
export function number(value, options = {}) {
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 3, ...options }).format(value);
}
