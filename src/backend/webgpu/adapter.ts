/** Names by which a CPU that plays a GPU is known. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** How long an adapter or a device may let us wait. */
const ADAPTER_DEADLINE_MS = 5000;

/** Whether the adapter is a CPU in disguise. */
export function isSoftwareAdapter(adapter: GPUAdapter): boolean {
  // the flag moved from the adapter to its info
  const { isFallbackAdapter = false } = adapter as GPUAdapter & { isFallbackAdapter?: boolean };
  return isFallbackAdapter || adapter.info.isFallbackAdapter || SOFTWARE.test(describe(adapter));
}

/** An adapter in words: its description, else vendor and architecture. */
export function describeAdapter(adapter: GPUAdapter): string {
  const { description, vendor, architecture } = adapter.info;
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
}

function describe({ info }: GPUAdapter): string {
  return [info.description, info.vendor, info.architecture, info.device].join(' ');
}

/**
 * The adapter that the engine prefers.
 *
 * @returns undefined where there is none
 * @throws Error if it does not answer in 5 s
 */
export async function requestAdapter(
  gpu: GPU,
  powerPreference?: GPUPowerPreference,
): Promise<GPUAdapter | undefined> {
  const options = powerPreference === undefined ? {} : { powerPreference };
  return (await inTime('the GPU adapter', gpu.requestAdapter(options))) ?? undefined;
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
  return inTime(
    'the GPU device',
    adapter.requestDevice({
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    }),
  );
}

async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not answer in ${ADAPTER_DEADLINE_MS / 1000} s`)),
      ADAPTER_DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
