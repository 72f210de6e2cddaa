/** Whether this runtime offers WebGPU. Costs nothing. */
export function hasWebGpu(): boolean {
  return typeof navigator === 'object' && 'gpu' in navigator;
}

/** Why there is none, in words. */
export function noWebGpuReason(): string {
  return 'no WebGPU here';
}
