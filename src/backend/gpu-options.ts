import { checkChoice, checkKnown, checkObject, mismatch } from '../base/arguments.ts';
import type { WebGpuOptions } from './webgpu/open.ts';

/** Who computes, the CPU or a GPU. */
export interface GpuOptions {
  /**
   * Who computes. `'wasm'`: the kernels on the CPU. `'webgpu'`: a GPU, through onnxruntime-web;
   * where there is none, or it cannot compute this, starting fails. `'auto'` (default): each step
   * where it was measured to be faster, the CPU alone where there is no GPU. A GPU that is lost costs
   * nothing but time: the CPU goes on.
   */
  readonly backend?: 'auto' | 'wasm' | 'webgpu';
  /** Where onnxruntime-web comes from, and which adapter it is to use; default: as found. */
  readonly webgpu?: WebGpuOptions;
}

const WEBGPU_OPTIONS = ['module', 'wasmPaths', 'worker', 'powerPreference'];

/** @throws TypeError, RangeError that names the option and what was expected */
export function checkGpuOptions({ backend = 'auto', webgpu = {} }: GpuOptions): void {
  checkChoice('backend', backend, ['auto', 'wasm', 'webgpu']);
  checkKnown('an option of webgpu', checkObject('webgpu', webgpu), WEBGPU_OPTIONS);
  const { powerPreference, worker, ...places } = webgpu;
  if (worker !== undefined && typeof worker !== 'function') {
    checkPlace('worker', worker, 'startGpuWorker, a string or a URL');
  }
  for (const [name, place] of Object.entries(places)) {
    if (place !== undefined) checkPlace(name, place, 'a string or a URL');
  }
  if (powerPreference !== undefined) {
    checkChoice('webgpu.powerPreference', powerPreference, ['low-power', 'high-performance']);
  }
}

function checkPlace(name: string, place: unknown, expected: string): void {
  if (typeof place === 'string' || place instanceof URL) return;
  throw new TypeError(mismatch(`webgpu.${name}`, expected, place));
}
