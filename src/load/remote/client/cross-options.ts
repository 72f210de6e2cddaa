import { encodeJson, expectBytes } from '../../../format/files/bytes-at-hand.ts';
import { hubAddress, webAddress } from '../../../format/files/model-source.ts';
import type { LoadOptions } from '../../load-options.ts';
import { Moved } from '../channel.ts';
import type { CrossingOptions } from '../protocol.ts';

/**
 * The options of `loadModel` as they cross to a worker; what functions answer is asked across the border.
 *
 * @throws TypeError, RangeError, TpaError as `loadModel` for options that are read here
 */
export async function crossOptions(options: LoadOptions): Promise<Moved<CrossingOptions>> {
  const { worker: _, signal, onProgress, fetch, cache, lora, webgpu, wasm, ...plain } = options;
  const isCustom = typeof cache === 'object';
  const asks = {
    cache: isCustom,
    fetch: fetch !== undefined,
    onProgress: onProgress !== undefined,
    startGpuWorker: typeof webgpu?.worker === 'function',
  };
  const transfer: Transferable[] = [];
  const crossing: CrossingOptions = {
    ...plain,
    ...(cache === undefined || isCustom ? {} : { cache }),
    ...(lora === undefined ? {} : { lora: await crossAdapters(lora, transfer) }),
    ...(webgpu === undefined ? {} : { webgpu: crossWebGpu(webgpu) }),
    ...(wasm === undefined ? {} : { wasm: await crossKernels(wasm, signal) }),
    asks,
  };
  return new Moved(crossing, transfer);
}

/** An address or a path as it is meant here: a worker's own address is another one. */
export function crossAddress(source: string | URL): string {
  return hubAddress(source) ?? webAddress(source) ?? String(source);
}

async function crossAdapters(
  lora: NonNullable<LoadOptions['lora']>,
  transfer: Transferable[],
): Promise<NonNullable<CrossingOptions['lora']>> {
  const { checkAdapters } = await import('../../../lora/adapter-source.ts');
  return checkAdapters('lora', lora).map(({ source, scale }, i) => {
    if (typeof source === 'string' || source instanceof URL) {
      return { source: crossAddress(source), scale };
    }
    const name = `lora[${i}].source`;
    const config = copyOf(encodeJson(source.config, `${name}.config`), transfer);
    const { weights } = source;
    if (weights instanceof Blob) return { source: { config, weights }, scale };
    const bytes = expectBytes(weights, `${name}.weights`, ' or a Blob');
    return { source: { config, weights: copyOf(bytes, transfer) }, scale };
  });
}

/** Bytes that a worker may have; those of the caller stay as they are. */
function copyOf(bytes: Uint8Array | ArrayBuffer, transfer: Transferable[]): Uint8Array {
  const copy = new Uint8Array(bytes instanceof ArrayBuffer ? bytes.slice(0) : bytes);
  transfer.push(copy.buffer);
  return copy;
}

function crossWebGpu({
  worker,
  module,
  wasmPaths,
  powerPreference,
}: NonNullable<LoadOptions['webgpu']>): NonNullable<CrossingOptions['webgpu']> {
  const isPlace = worker !== undefined && typeof worker !== 'function';
  return {
    ...(isPlace ? { worker: crossAddress(worker) } : {}),
    ...(module === undefined ? {} : { module: String(module) }),
    ...(wasmPaths === undefined ? {} : { wasmPaths: String(wasmPaths) }),
    ...(powerPreference === undefined ? {} : { powerPreference }),
  };
}

/** A module and bytes cross as they are; a response can be read here alone. */
async function crossKernels(
  wasm: NonNullable<LoadOptions['wasm']>,
  signal: AbortSignal | undefined,
): Promise<NonNullable<LoadOptions['wasm']>> {
  if (!(wasm instanceof URL || wasm instanceof Response)) return wasm;
  const { kernelBytes } = await import('../../../wasm/given-kernels.ts');
  return kernelBytes(wasm, signal);
}
