import type { OpFigures } from './op-figures.ts';

/** The GPU of a runtime, as `info()` tells of it. */
export interface OpGpuInfo {
  /** In words. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Of onnxruntime-web. */
  readonly version: string;
  /**
   * Multiply-adds from which on an operation is worth the trip; null where none is. 0 where
   * everything goes to the GPU.
   */
  readonly thresholdMacs: number | null;
  readonly figures?: OpFigures;
  readonly losses: number;
}

/** Who computes the asynchronous operations of a runtime, and why. */
export interface OpDispatchInfo {
  readonly backend: 'wasm' | 'webgpu';
  readonly backendReason: string;
  readonly gpu?: OpGpuInfo;
}
