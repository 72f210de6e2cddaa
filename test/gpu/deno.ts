import { findRuntime } from '../runtimes/find.ts';
import type { Bundle } from './bundle.ts';
import type { HostOrReason } from './host.ts';
import { outputOf, startLineHost } from './line-process.ts';

const PROBE = 'console.log((await navigator.gpu.requestAdapter())?.info.description ?? "")';

/**
 * Deno with whatever adapter it finds: llvmpipe where Mesa's Vulkan drivers are installed. TPA_DENO
 * names another one than the pinned.
 */
export async function openDeno(bundle: Bundle): Promise<HostOrReason> {
  const other = process.env['TPA_DENO'];
  const deno = other === undefined ? findRuntime('deno') : { program: other };
  if ('missing' in deno) return deno;
  const { program } = deno;
  if ((await outputOf([program, 'eval', PROBE])) === '') {
    return { missing: 'Deno finds no GPU adapter (apt-get install mesa-vulkan-drivers)' };
  }
  return startLineHost([program, 'run', '-A'], bundle);
}
