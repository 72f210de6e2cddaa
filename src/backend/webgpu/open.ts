import { TpaError } from '../../errors.ts';
import type { ModelConfig } from '../../format/model-config.ts';
import type { ModelWeights } from '../../model/weights.ts';
import type { Engine } from '../../wasm/engine.ts';
import type { OpenGpu } from '../backend.ts';

/** Where ONNX Runtime comes from and which adapter it is to use. */
export interface WebGpuOptions {
  readonly module?: string | URL;
  readonly wasmPaths?: string | URL;
  readonly worker?: string | URL;
  readonly powerPreference?: 'low-power' | 'high-performance';
}

export interface OpenWebGpuOptions extends WebGpuOptions {
  readonly allowsSoftware: boolean;
  readonly dtype?: 'float32' | 'float16';
}

export function openWebGpu(
  _parts: {
    readonly engine: Engine;
    readonly config: ModelConfig;
    readonly weights: ModelWeights;
  },
  _options: OpenWebGpuOptions,
): OpenGpu {
  return () => Promise.reject(new TpaError('BACKEND_UNAVAILABLE', '"webgpu" is not in this build'));
}
