import { messageOf } from '../../../base/errors.ts';
import { hasJspi } from '../../../wasm/jspi.ts';
import type { StartOptions } from '../protocol.ts';

/** What of onnxruntime-web is used. */
export type OnnxRuntime = Pick<
  typeof import('onnxruntime-web'),
  'env' | 'InferenceSession' | 'Tensor'
>;

/** The versions that the tests ran with: earlier ones lack operators, a later major may differ. */
const TESTED = { major: 1, minor: 30 } as const;

/**
 * Imports onnxruntime-web's native WebGPU provider, the build for JSPI where the engine has that:
 * it is 10 MB smaller. Never the default entry, whose Einsum is wrong.
 *
 * @throws Error that says what to install, or which path was tried and how to set it
 */
export async function loadRuntime({ module, wasmPaths }: StartOptions): Promise<OnnxRuntime> {
  hideNullOrigin();
  const ort = await importModule(module);
  const { version, major, minor } = versionOf(ort);
  if (major !== TESTED.major || minor < TESTED.minor) {
    throw new Error(
      `onnxruntime-web ${version} is outside the tested range, ${TESTED.major}.${TESTED.minor} and later before ${TESTED.major + 1}; npm i onnxruntime-web@^${TESTED.major}.${TESTED.minor}`,
    );
  }
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal'; // what fails is told by an error
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = folderOf(wasmPaths);
  return ort;
}

/** The version in words: a later minor is taken, and says that no test ran with it. */
export function describeVersion(ort: OnnxRuntime): string {
  const { version, minor } = versionOf(ort);
  const { major, minor: tested } = TESTED;
  return minor === tested ? version : `${version} (tested with ${major}.${tested})`;
}

function versionOf({ env }: OnnxRuntime): { version: string; major: number; minor: number } {
  const version = env.versions.web ?? env.versions.common;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return { version, major, minor };
}

/** A folder that ends in a slash: onnxruntime-web appends the names of its files to it. */
function folderOf(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/**
 * What a session could not be made of, in words: the graph, or onnxruntime-web itself, which loads
 * its .wasm with the first session and says this much when it cannot.
 */
export function refusalOf(message: string, { wasmPaths }: StartOptions): string {
  if (!message.includes('no available backend found')) {
    return `onnxruntime-web refused the graph: ${message}`;
  }
  const tried = wasmPaths === undefined ? 'beside its module' : `in ${folderOf(wasmPaths)}`;
  return `onnxruntime-web could not start, its .wasm and .mjs files were looked for ${tried}: ${message}; set "webgpu": { wasmPaths } to the folder that has them`;
}

/**
 * A worker from a file has the origin "null", which onnxruntime-web takes for an address and fails
 * (Deno): it does without where there is no location.
 */
function hideNullOrigin(): void {
  if ((globalThis as { location?: Location }).location?.origin !== 'null') return;
  Object.defineProperty(globalThis, 'location', { value: undefined, configurable: true });
}

async function importModule(module: string | undefined): Promise<OnnxRuntime> {
  const isJspi = hasJspi();
  try {
    if (module !== undefined) {
      return (await import(/* @vite-ignore */ /* webpackIgnore: true */ module)) as OnnxRuntime;
    }
    return isJspi ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/webgpu');
  } catch (cause) {
    const tried = module ?? `onnxruntime-web/${isJspi ? 'jspi' : 'webgpu'}`;
    const reason = messageOf(cause);
    throw new Error(
      `onnxruntime-web could not be loaded from ${tried}: ${reason}; npm i onnxruntime-web, or set "webgpu": { module }`,
      { cause },
    );
  }
}
