/*
 * The GPU worker with a device that something befalls. Every run reads back once: `?destroyAt=N`
 * destroys the device at the N-th read, `?hangAt=N` answers no read from the N-th on, `?zeroAt=N`
 * gives zeros from then on. `?disguise` hides that the adapter is software.
 */
import { provideGpu } from '../../src/backend/webgpu/navigator-gpu.ts';
import { disguiseAdapters } from './disguise.ts';

await provideGpu();
const query = faults();
if (query.has('disguise')) disguiseAdapters();
const at = (name: string) => Number(query.get(name) ?? Infinity);
let reads = 0;
let device: GPUDevice | undefined;

const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  device = await requestDevice.call(this, descriptor);
  return device;
};

const mapAsync = GPUBuffer.prototype.mapAsync;
GPUBuffer.prototype.mapAsync = function (...range) {
  reads++;
  if (reads === at('destroyAt')) device?.destroy();
  if (reads >= at('hangAt')) return new Promise(() => {});
  return mapAsync.apply(this, range);
};

const getMappedRange = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const found = getMappedRange.apply(this, range);
  return reads >= at('zeroAt') ? new ArrayBuffer(found.byteLength) : found;
};

await import('../../src/backend/webgpu/worker/device-worker.ts');

/** Node gives a worker its address without the query: there it comes as a variable. */
function faults(): URLSearchParams {
  const { searchParams } = new URL(import.meta.url);
  const { process } = globalThis as { process?: { env: Record<string, string | undefined> } };
  return searchParams.size > 0 ? searchParams : new URLSearchParams(process?.env['TPA_FAULT']);
}
