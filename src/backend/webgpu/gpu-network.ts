import type { ModelConfig } from '../../format/config/model-config.ts';
import type { StepInputs } from '../../model/step-inputs.ts';
import type { GpuDevice } from './client/device.ts';
import type { StepGraph } from './graph/step-graph.ts';

/** What a step on the device computes with. */
export interface GpuNetwork {
  readonly device: GpuDevice;
  readonly config: ModelConfig;
  readonly graph: StepGraph;
  /** Embeddings and tables of positions, which the CPU makes. */
  readonly inputs: StepInputs;
  /** Tokens that a sequence can hold: what a buffer of the device can, at most the model's. */
  readonly contextLength: number;
  /** Bytes of one buffer at most. */
  readonly maxBytes: number;
  /** An id for a buffer. */
  nextBuffer(): number;
  /** Told how many bytes a forward has read back. */
  onRead(bytes: number): void;
}
