import { fma } from './fma';

/** out = x · factor for `count` numbers; out may equal x. */
export function scaleRow(out: usize, x: usize, count: usize, factor: f32): void {
  const f = f32x4.splat(factor),
    end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    v128.store(out, f32x4.mul(v128.load(x), f));
    out += 16;
  }
  for (; x < end; x += 4) {
    store<f32>(out, load<f32>(x) * factor);
    out += 4;
  }
}

/** out += x · factor for `count` numbers. */
export function addScaledRow(out: usize, x: usize, count: usize, factor: f32): void {
  const f = f32x4.splat(factor),
    end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    v128.store(out, fma(v128.load(x), f, v128.load(out)));
    out += 16;
  }
  for (; x < end; x += 4) {
    store<f32>(out, load<f32>(out) + load<f32>(x) * factor);
    out += 4;
  }
}
