import { checkAttached, mismatch } from '../base/arguments.ts';
import { blocked, messageOf, type TpaError } from '../base/errors.ts';

/** For 40 KB of kernels at an address, body included. */
const FETCH_MS = 60_000;

/**
 * The bytes of kernels that a caller gives.
 *
 * @throws TypeError if the source is none; TpaError `WASM_BLOCKED` if they cannot be fetched
 */
export async function kernelBytes(
  source: URL | Response | BufferSource,
  signal: AbortSignal | undefined,
): Promise<BufferSource> {
  if (source instanceof ArrayBuffer) return checkAttached('wasm', source);
  if (ArrayBuffer.isView(source)) {
    checkAttached('wasm', source);
    // V8 compiles no DataView
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  const response = source instanceof URL ? await fetchKernels(source, signal) : source;
  if (!(response instanceof Response)) {
    const expected = 'a WebAssembly.Module, bytes, a Response or a URL';
    throw new TypeError(mismatch('wasm', expected, response));
  }
  const from = response.url || String(source);
  if (!response.ok) {
    throw blocked(`"wasm" expected kernels at ${from}, got HTTP ${response.status}`);
  }
  const body = response.arrayBuffer().catch((cause: unknown) => {
    throw unfetched(from, cause);
  });
  const bytes = new Uint8Array(await body);
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 4)) === '\0asm') return bytes;
  const found = bytes[0] === '<'.charCodeAt(0) ? 'HTML' : `${bytes.length} bytes that are not wasm`;
  throw blocked(`"wasm" expected kernels, got ${found} from ${from}`);
}

async function fetchKernels(url: URL, signal: AbortSignal | undefined): Promise<Response> {
  const deadline = AbortSignal.timeout(FETCH_MS);
  try {
    return await fetch(url, { signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  } catch (cause) {
    throw unfetched(String(url), cause);
  }
}

function unfetched(from: string, cause: unknown): TpaError {
  return blocked(`"wasm" expected kernels at ${from}: ${messageOf(cause)}`, cause);
}
