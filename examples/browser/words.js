/** Numbers as people read them. */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

/** `245760` is "246 kB". */
export function bytes(count) {
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  return number(count / 1000 ** step, { style: 'unit', unit: UNITS[step] });
}

/** `2015232` is "2.02M". */
export function short(count) {
  return number(count, { notation: 'compact' });
}

/** `1234.5` is "1,230": three digits, which is more than the clock is good for. */
export function rounded(value) {
  return number(value);
}

/** A time: "0.81 ms", "78 ms", "2.5 s". */
export function duration(milliseconds) {
  const digits = { maximumSignificantDigits: 2 };
  if (milliseconds < 1000) return `${number(milliseconds, digits)} ms`;
  return `${number(milliseconds / 1000, digits)} s`;
}

/** How many times: "2.90". */
export function ratio(value) {
  return number(value, { minimumSignificantDigits: 3 });
}

function number(value, options = {}) {
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 3, ...options }).format(value);
}
