import type { OpFigures } from './figures.ts';

/** The GPU of a runtime, as `info()` tells of it. */
export interface OpGpuInfo {
  /** In words. */
  readonly adapter: string;
  /** Whether it is a CPU in disguise. */
  readonly isSoftware: boolean;
  /** Of onnxruntime-web. */
  readonly version: string;
  /**
   * Multiply-adds from which on an operation is worth the trip; null where none is. 0 where
   * everything goes to the GPU.
   */
  readonly thresholdMacs: number | null;
  /** What was measured of both sides; not with `backend: 'webgpu'`. */
  readonly figures?: OpFigures;
  /** How often it, or one before it, went away. */
  readonly losses: number;
}

/** Who computes the asynchronous operations of a runtime, and why. */
export interface OpDispatchInfo {
  /** `'webgpu'` while a GPU is in use. */
  readonly backend: 'wasm' | 'webgpu';
  /** Why, in words. */
  readonly backendReason: string;
  /** Only where there is or was one. */
  readonly gpu?: OpGpuInfo;
}
