/*
 * The GPU worker with a device that something befalls: `?destroyAfter=N` destroys it before the
 * N-th submission, `?hangAfter=N` never answers from then on, `?zeroAfter=N` reads zeros back.
 */
const query = new URL(import.meta.url).searchParams;
const at = (name: string) => Number(query.get(name) ?? Infinity);
let submissions = 0;

const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    submissions++;
    if (submissions === at('destroyAfter')) device.destroy();
    return submit(buffers);
  };
  return device;
};

const mapAsync = GPUBuffer.prototype.mapAsync;
GPUBuffer.prototype.mapAsync = function (...range) {
  if (submissions >= at('hangAfter')) return new Promise(() => {});
  return mapAsync.apply(this, range);
};

const getMappedRange = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const found = getMappedRange.apply(this, range);
  return submissions >= at('zeroAfter') ? new ArrayBuffer(found.byteLength) : found;
};

await import('../../src/backend/webgpu/device-worker.ts');
