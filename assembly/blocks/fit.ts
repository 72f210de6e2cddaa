import { OFFSET_AT, SCALE_AT } from '../layout/blocks';
import { roundHalves } from '../simd/half';

/** The largest code. */
const LARGEST: f32 = 15;
/** Times {@link LARGEST} half of the smallest float16: blocks less wide are one number. */
const NARROW: f32 = 15 * 2.9802322387695312e-8;
/** Times that codes are chosen and fitted to; a third wins 0.3 %. */
const ROUNDS = 2;

/**
 * Where four fits begin, in steps: 1 / scale, then -offset / scale, of a grid whose ends are the least and the largest
 * number, or lie half a step further in on the one side, on the other or on both.
 */
// prettier-ignore
const STARTS = memory.data<f32>([
  1, 1.0344827586206897, 1.0344827586206897, 1.0714285714285714,
  0, 0, -0.5172413793103449, -0.5357142857142857,
], 16);

/**
 * Writes scale and offset of a block for codes 0 … 15: those of the least squared error for the codes that they give, the
 * best of four such fits. On the weights of a trained T6 of 2 million parameters the error is 0.0678 of their size, where
 * a grid from the least to the largest number has 0.0763 and Q4_0's 0.0837; a search over 81 starts reaches 0.0667.
 *
 * @param x (count), finite, count > 0
 */
export function fit(block: usize, x: usize, count: usize): void {
  const end = x + (count << 2);
  let leasts = v128.load32_splat(x),
    largests = leasts,
    at = x;
  // of finite numbers pmin is min, in one instruction where that takes seven
  for (; at + 16 <= end; at += 16) {
    leasts = f32x4.pmin(leasts, v128.load(at));
    largests = f32x4.pmax(largests, v128.load(at));
  }
  for (; at < end; at += 4) {
    leasts = f32x4.pmin(leasts, v128.load32_splat(at));
    largests = f32x4.pmax(largests, v128.load32_splat(at));
  }
  const least = leastLane(leasts),
    largest = -leastLane(f32x4.neg(largests));
  const width = largest - least;
  if (width < NARROW) {
    writeFit(block, 0, (least + largest) / 2);
  } else {
    fitSteps(block, x, end, least, width / LARGEST);
  }
}

/** In steps of `step` from `least` on, so that sums of squares neither overflow nor cancel. */
function fitSteps(block: usize, x: usize, end: usize, least: f32, step: f32): void {
  const leasts = f32x4.splat(least),
    perStep = f32x4.splat(1 / step),
    zero = f32x4.splat(0),
    top = f32x4.splat(LARGEST),
    count = f32x4.splat(<f32>((end - x) >> 2));
  let inverse = v128.load(STARTS),
    shift = v128.load(STARTS, 16),
    scale = zero,
    offset = zero,
    error = zero;
  for (let round = 0; round < ROUNDS; round++) {
    // sums over x of: the code, its square, x, their product, x²
    let c = zero,
      cc = zero,
      v = zero,
      vc = zero,
      vv = zero;
    for (let at = x; at < end; at += 4) {
      const number = f32x4.mul(f32x4.sub(v128.load32_splat(at), leasts), perStep),
        near = f32x4.nearest(f32x4.add(f32x4.mul(number, inverse), shift)),
        code = f32x4.pmin(f32x4.pmax(near, zero), top);
      c = f32x4.add(c, code);
      cc = f32x4.add(cc, f32x4.mul(code, code));
      v = f32x4.add(v, number);
      vc = f32x4.add(vc, f32x4.mul(number, code));
      vv = f32x4.add(vv, f32x4.mul(number, number));
    }
    const above = f32x4.sub(f32x4.mul(count, vc), f32x4.mul(v, c)),
      below = f32x4.sub(f32x4.mul(count, cc), f32x4.mul(c, c));
    scale = f32x4.div(above, below);
    offset = f32x4.div(f32x4.sub(v, f32x4.mul(scale, c)), count);
    error = f32x4.sub(f32x4.sub(vv, f32x4.mul(scale, vc)), f32x4.mul(offset, v));
    inverse = f32x4.div(f32x4.splat(1), scale);
    shift = f32x4.neg(f32x4.mul(offset, inverse));
  }
  const best = f32x4.eq(error, f32x4.splat(leastLane(error))),
    lane = ctz(i32x4.bitmask(best));
  writeFit(block, laneOf(scale, lane) * step, least + laneOf(offset, lane) * step);
}


@inline
function leastLane(v: v128): f32 {
  const pair = f32x4.pmin(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(pair, v128.shuffle<f32>(pair, pair, 1, 0, 3, 2)), 0);
}

/** Lane `lane` of v. */
@inline
function laneOf(v: v128, lane: i32): f32 {
  return f32x4.extract_lane(i8x16.swizzle(v, i32x4.splat(0x03020100 + 0x04040404 * lane)), 0);
}


@inline
function writeFit(block: usize, scale: f32, offset: f32): void {
  const halves = roundHalves(f32x4.replace_lane(f32x4.splat(scale), 1, offset));
  store<u16>(block, i32x4.extract_lane(halves, 0), SCALE_AT);
  store<u16>(block, i32x4.extract_lane(halves, 1), OFFSET_AT);
}
