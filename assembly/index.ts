export { loadRecords, recordBytes, saveRecords } from './cache/code-records';
export { appendFactors, readFactors } from './cache/factor-rows';
export { decodeBlocks } from './blocks/decode';
export { dequantizeQ6K } from './blocks/q6';
export { quantizeBlocks } from './blocks/quantize';
export { denseDecode, denseDecodeScratch, densePrefill, densePrefillScratch } from './attention/dense';
export { linearAttend, linearScratch } from './attention/linear';
export { decodeSpans, mergeSpans, partialsBytes } from './attention/spans';
export { tpaDecode, tpaDecodeScratch } from './attention/tpa-decode';
export { tpaPrefill, tpaPrefillScratch } from './attention/tpa-prefill';
export { addBias } from './kernels/add-bias';
export { copyRows } from './kernels/copy-rows';
export { embed } from './kernels/embed';
export { crc32c } from './kernels/crc32c';
export { isFinite } from './kernels/finite';
export { hash, hashEnd } from './kernels/hash';
export { logProbabilities } from './kernels/log-probabilities';
export { matmul } from './kernels/matmul';
export { outerRows } from './kernels/outer-rows';
export { pack, unpack } from './layout/panels';
export { dequantizeBlocks, embedQuantized, unpackQuantized } from './quantized/dequantize';
export { matmulQuantized, matmulQuantizedScratch } from './quantized/matmul';
export { packBlocks, unpackBlocks } from './quantized/pack';
export { quantizeRows } from './quantized/quantize-rows';
export { rmsNorm } from './kernels/rms-norm';
export { rope } from './kernels/rope';
export { ropeFrequencies, ropeTable } from './kernels/rope-table';
export { sigmoid } from './kernels/sigmoid';
export { swiglu } from './kernels/swiglu';

/** First byte after the static tables: the host's memory starts here. */
export function heapBase(): usize {
  return __heap_base;
}
