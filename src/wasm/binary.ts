import binaries from '#wasm';
import { relaxedSimd as hasRelaxedSimd, simd as hasSimd } from 'wasm-feature-detect';
import { checkChoice } from '../base/arguments.ts';
import { blocked, messageOf, TpaError } from '../base/errors.ts';

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
 * The package's own binary, or the one given instead of it.
 *
 * @param signal ends the request of a URL
 * @throws TypeError if the source is none; TpaError `WASM_BLOCKED` if it cannot be fetched
 */
export async function readBinary(
  simd: SimdChoice['simd'],
  source?: WasmSource,
  signal?: AbortSignal,
): Promise<WebAssembly.Module | BufferSource> {
  if (source instanceof WebAssembly.Module) return source;
  return source === undefined ? ownBinary(simd) : givenBytes(source, signal);
}

/** @throws TpaError `WASM_BLOCKED` */
export async function compileBinary(
  binary: WebAssembly.Module | BufferSource,
): Promise<WebAssembly.Module> {
  if (binary instanceof WebAssembly.Module) return binary;
  try {
    return await WebAssembly.compile(binary);
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

/** Most programs use the package's own, and load no code for others. */
async function givenBytes(
  source: URL | Response | BufferSource,
  signal: AbortSignal | undefined,
): Promise<BufferSource> {
  const { kernelBytes } = await import('./given-kernels.ts');
  return kernelBytes(source, signal);
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
