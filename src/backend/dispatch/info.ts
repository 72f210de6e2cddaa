import type { GpuBackend, Side } from '../backend.ts';
import type { Figures } from './cost-model.ts';
import type { PhaseRoute, Routes } from './routes.ts';

/** A GPU that computes or has computed. */
export interface GpuInfo {
  /** In words, as the browser names it. */
  readonly adapter: string;
  /** Whether it is a CPU in disguise. */
  readonly isSoftware: boolean;
  /** What weights are on it. */
  readonly dtype: GpuBackend['dtype'];
  /** Version of onnxruntime-web. */
  readonly onnxruntimeVersion: string;
  /** Bytes that came back with the last step. */
  readonly bytesRead: number;
  /** How often it, or one before it, went away. */
  readonly losses: number;
  /** What was measured of both sides; not with `backend: 'webgpu'`. */
  readonly figures?: Figures;
}

/** Who computes what, and why. */
export interface DispatchInfo {
  /** `'webgpu'` while a GPU is in use for anything. */
  readonly backend: Side;
  /** Why, in words. */
  readonly backendReason: string;
  /** Who computes which steps. */
  readonly routes: Routes;
  /** Only where there is or was one. */
  readonly gpu?: GpuInfo;
}

/** Facts of a GPU but for what only its supervisor knows. */
export function gpuInfo(
  { adapter, isSoftware, dtype, version, bytesRead }: GpuBackend,
  figures: Figures | undefined,
): Omit<GpuInfo, 'losses'> {
  const facts = { adapter, isSoftware, dtype, onnxruntimeVersion: version, bytesRead };
  return figures === undefined ? facts : { ...facts, figures };
}

/** "measured faster: prefill wasm, webgpu from 12 tokens; decode wasm". */
export function routesInWords({ prefill, decode }: Routes): string {
  return `measured faster: prefill ${phase(prefill, 'tokens')}; decode ${phase(decode, 'tokens of context')}`;
}

function phase({ backend, switchesAt }: PhaseRoute, unit: string): string {
  if (switchesAt === null) return backend;
  const other: Side = backend === 'wasm' ? 'webgpu' : 'wasm';
  return `${backend}, ${other} from ${switchesAt} ${unit} on`;
}
