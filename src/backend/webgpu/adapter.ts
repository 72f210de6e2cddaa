import { systemClock, within } from '../../base/time.ts';
import { unavailable } from '../../base/errors.ts';
import { orUnavailable } from '../../device/judge.ts';
import type { StartOptions } from './protocol.ts';

/*
 * Both threads ask for adapters: the page, to open no worker in vain, and the worker, for its own.
 */

/** Names by which a CPU that plays a GPU is known. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** How long an adapter or a device may let us wait. */
const ADAPTER_DEADLINE_MS = 5000;

/** Whether the adapter is a CPU in disguise. */
export function isSoftwareAdapter(adapter: GPUAdapter): boolean {
  // the flag moved from the adapter to its info
  const { isFallbackAdapter = false } = adapter as GPUAdapter & { isFallbackAdapter?: boolean };
  const isFallback = isFallbackAdapter || infoOf(adapter).isFallbackAdapter === true;
  return isFallback || SOFTWARE.test(describe(adapter));
}

/** An adapter in words: its description, else vendor and architecture. */
export function describeAdapter(adapter: GPUAdapter): string {
  const { description, vendor, architecture } = infoOf(adapter);
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
}

function describe(adapter: GPUAdapter): string {
  const { description, vendor, architecture, device } = infoOf(adapter);
  return [description, vendor, architecture, device].join(' ');
}

/** Engines of 2023 have none. */
function infoOf({ info }: { readonly info?: GPUAdapterInfo }): Partial<GPUAdapterInfo> {
  return info ?? {};
}

/** Which adapter may be taken. */
export type AdapterChoice = Pick<StartOptions, 'allowsSoftware' | 'powerPreference'>;

/**
 * The adapter that the engine prefers.
 *
 * @throws TpaError `BACKEND_UNAVAILABLE` if it does not answer in 5 s, there is none, or it is
 *   software that is not allowed
 */
export async function requestAdapter(
  gpu: GPU,
  { allowsSoftware, powerPreference }: AdapterChoice,
): Promise<GPUAdapter> {
  const options = powerPreference === undefined ? {} : { powerPreference };
  const ask = async () => gpu.requestAdapter(options); // what is no GPU throws at once
  const adapter = await orUnavailable(inTime('the GPU adapter', ask(), ADAPTER_DEADLINE_MS));
  if (adapter === null) throw unavailable('no GPU adapter here: requestAdapter() gave none');
  if (allowsSoftware || !isSoftwareAdapter(adapter)) return adapter;
  throw unavailable(`the only adapter, ${describeAdapter(adapter)}, is software`);
}

/** Limits of the adapter that onnxruntime's kernels make use of. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups'];

/** A device with all that the adapter has of it. @throws Error if there is none in 5 s */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const device = adapter.requestDevice({
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
  });
  return inTime('the GPU device', device, ADAPTER_DEADLINE_MS);
}

/** @throws Error that says what did not answer, and in how long */
export function inTime<T>(what: string, promise: Promise<T>, milliseconds: number): Promise<T> {
  return within(promise, {
    clock: systemClock(true),
    milliseconds,
    late: () => new Error(`${what} did not answer in ${milliseconds / 1000} s`),
  });
}
