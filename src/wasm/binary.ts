import binaries from '#wasm';
import { relaxedSimd as hasRelaxedSimd, simd as hasSimd } from 'wasm-feature-detect';
import { checkAttached, checkChoice, mismatch } from '../base/arguments.ts';
import { messageOf, TpaError } from '../base/errors.ts';

/** For 30 KB of kernels at an address, body included. */
const FETCH_MS = 60_000;

/** Which kernels to run: `'auto'` takes the relaxed binary where the engine validates it. */
export type SimdOption = 'auto' | 'baseline' | 'relaxed';

/** A kernel binary: compiled, its bytes, or a place to fetch it from. */
export type WasmSource = WebAssembly.Module | BufferSource | Response | URL;

/** The binary in use and why. */
export interface SimdChoice {
  readonly simd: 'baseline' | 'relaxed';
  readonly reason: string;
}

/**
 * Chooses a binary by what the engine validates, never by its name.
 *
 * @throws RangeError for another option; TpaError `SIMD_UNAVAILABLE` if the engine has no SIMD, or no relaxed SIMD but it was asked for
 */
export async function chooseSimd(option: SimdOption = 'auto'): Promise<SimdChoice> {
  checkChoice('simd', option, ['auto', 'baseline', 'relaxed']);
  if (!(await hasSimd())) {
    const message = 'this engine has no WebAssembly SIMD, which every kernel needs';
    throw new TpaError('SIMD_UNAVAILABLE', message);
  }
  if (option === 'baseline') return { simd: 'baseline', reason: 'asked for' };
  if (await hasRelaxedSimd()) {
    const reason =
      option === 'relaxed'
        ? 'asked for'
        : 'the engine validates relaxed SIMD; results may differ from other engines by rounding';
    return { simd: 'relaxed', reason };
  }
  if (option === 'auto') {
    return { simd: 'baseline', reason: 'the engine does not validate relaxed SIMD' };
  }
  const message = 'this engine does not validate relaxed SIMD; use simd: "auto" or "baseline"';
  throw new TpaError('SIMD_UNAVAILABLE', message);
}

/**
 * Compiles the package's own binary, or the one given instead of it.
 *
 * @param signal ends the request of a URL
 * @throws TypeError if the source is none; TpaError `WASM_BLOCKED` if it cannot be fetched or compiled
 */
export async function compileBinary(
  simd: SimdChoice['simd'],
  source?: WasmSource,
  signal?: AbortSignal,
): Promise<WebAssembly.Module> {
  const given = source === undefined ? await ownBinary(simd) : source;
  if (given instanceof WebAssembly.Module) return given;
  const bytes = await sourceBytes(given, signal);
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const reason = messageOf(cause);
    throw blocked(`the kernels could not be compiled: ${reason}${cureOf(reason)}`, cause);
  }
}

async function ownBinary(simd: SimdChoice['simd']): Promise<WebAssembly.Module | BufferSource> {
  try {
    return await binaries[simd]();
  } catch (cause) {
    const message = `the kernels could not be loaded: ${messageOf(cause)}; give them as "wasm", with "simd": "${simd}"`;
    throw blocked(message, cause);
  }
}

/** What to do where a policy forbids compiling: the engines' words for it. */
function cureOf(reason: string): string {
  if (/content security policy|unsafe-eval/i.test(reason)) {
    return `; the page's Content-Security-Policy must have "script-src 'self' 'wasm-unsafe-eval'"`;
  }
  if (/disallowed by embedder/.test(reason)) {
    return '; give "wasm" the module that is imported from tpa-wasm/tpa-baseline.wasm, with "simd": "baseline"';
  }
  return '';
}

async function sourceBytes(
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

/** The error of kernels that cannot be fetched, compiled or used. */
export function blocked(message: string, cause?: unknown): TpaError {
  return new TpaError('WASM_BLOCKED', message, cause === undefined ? {} : { cause });
}
