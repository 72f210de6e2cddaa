import { exp2Once } from '../simd/exp2';
import { addScaledRow, scaleRow } from '../simd/scale';
import { LOWEST } from './softmax';
import { PAGE_TOKENS, valueRow } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * A decode goes over its pages in spans, so that threads divide the tokens: ranges of heads alone
 * would each form the products that heads share (half of the paper's shape, and the transposed
 * latent of MLA). Spans follow from the length and never from who computes, and so do the bits
 * (docs/adr/0014-rooms-layout-and-ranges.md). A unit is a head of a span, all heads of one span
 * before the next.
 */

/** At most so many spans, which bounds the partial results: 278 KB of 32 heads 64 wide. */
const SPANS: usize = 32;
/** Of a head's softmax over a span: the sum of its weights, their maximum, and what the span weighs. */
const HEADER: usize = 16;

/** Pages that tokens first … length − 1 lie in. */
@inline
function pagesOf(first: usize, length: usize): usize {
  return (length + PAGE_TOKENS - 1) / PAGE_TOKENS - first / PAGE_TOKENS;
}

/**
 * Spans of a decode over tokens first … length − 1. Two pages or more each, three where they are
 * many: a span splats its query again and is merged, 2 % of so many. In fours, so that 2 and 4
 * threads have equal shares.
 */
export function decodeSpans(first: usize, length: usize): usize {
  const pages = pagesOf(first, length);
  return pages < 8 ? 1 + (pages >> 2) : max(4, min(SPANS, (pages / 12) << 2));
}

/** First token of a span, that of a page; of the one past the last, a token past the last. */
@inline
export function spanStart(first: usize, length: usize, span: usize, spans: usize): usize {
  return (first / PAGE_TOKENS + (pagesOf(first, length) * span) / spans) * PAGE_TOKENS;
}

/** Bytes of the partial results of any decode: values (spans, heads, valueStride), then headers. */
export function partialsBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return SPANS * shape.heads * (valueRow(shape) + HEADER);
}

/**
 * Leaves what a span came to for `heads` heads, the first of them unit `unit` of (spans, heads): in
 * out if there is no other span, else among the partial results.
 *
 * @param acc (heads, valueStride), followed by the sums of weights (heads) and the maxima (heads)
 */
export function leaveSpan(
  out: usize,
  partials: usize,
  shape: CacheShape,
  spans: usize,
  unit: usize,
  heads: usize,
  acc: usize,
  ranks: usize,
): void {
  const row = valueRow(shape),
    valueDim = <usize>shape.valueDim,
    sums = acc + heads * row;
  if (spans == 1) {
    for (let h: usize = 0; h < heads; h++) {
      const factor = <f32>1 / (load<f32>(sums + (h << 2)) * <f32>ranks);
      scaleRow(out + (((unit + h) * valueDim) << 2), acc + h * row, valueDim, factor);
    }
    return;
  }
  memory.copy(partials + unit * row, acc, heads * row);
  const headers = partials + SPANS * shape.heads * row + unit * HEADER;
  for (let h: usize = 0; h < heads; h++) {
    store<f32>(headers + h * HEADER, load<f32>(sums + (h << 2)));
    store<f32>(headers + h * HEADER, load<f32>(sums + ((heads + h) << 2)), 4);
  }
}

/**
 * Merges the partial results of a decode of more than one span:
 *
 *   out[h] = Σ_s 2^(m_s - m) acc_s / (ranks Σ_s 2^(m_s - m) sum_s),  m = max_s m_s
 *
 * @param out (heads, valueDim)
 * @param partials (spans, heads), of denseDecode or tpaDecode
 * @param ranks rankV of a factored cache, else 1
 * @param heads from firstHead on; of out, only they are written
 */
export function mergeSpans(
  out: usize,
  partials: usize,
  shapeAt: usize,
  spans: usize,
  ranks: usize,
  firstHead: usize,
  heads: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt);
  assert(firstHead + heads <= shape.heads, 'mergeSpans: heads past the last');
  const allHeads = <usize>shape.heads,
    row = valueRow(shape),
    valueDim = <usize>shape.valueDim;
  const headers = partials + SPANS * allHeads * row;
  for (let h = firstHead; h < firstHead + heads; h++) {
    const first = headers + h * HEADER,
      step = allHeads * HEADER,
      end = first + spans * step;
    let peak = LOWEST;
    for (let header = first; header < end; header += step) peak = max(peak, load<f32>(header, 4));
    let sum: f32 = 0;
    for (let header = first; header < end; header += step) {
      const weight = f32x4.extract_lane(exp2Once(f32x4.splat(load<f32>(header, 4) - peak)), 0);
      sum += weight * load<f32>(header);
      store<f32>(header, weight, 8);
    }
    const factor = <f32>1 / (sum * <f32>ranks),
      to = out + ((h * valueDim) << 2);
    let values = partials + h * row;
    scaleRow(to, values, valueDim, load<f32>(first, 8) * factor);
    for (let header = first + step; header < end; header += step) {
      values += allHeads * row;
      addScaledRow(to, values, valueDim, load<f32>(header, 8) * factor);
    }
  }
}
