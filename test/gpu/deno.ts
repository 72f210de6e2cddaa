import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bundle } from './bundle.ts';
import type { HostOrReason } from './host.ts';
import { outputOf, startLineHost } from './line-process.ts';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const DENO = `${MODULES}.bin/deno`;
const ORT = `${MODULES}onnxruntime-web/dist/ort.webgpu.bundle.min.mjs`;
const PROBE = 'console.log((await navigator.gpu.requestAdapter())?.info.description ?? "")';

/** Deno with whatever adapter it finds: llvmpipe where Mesa's Vulkan drivers are installed. */
export async function openDeno(bundle: Bundle): Promise<HostOrReason> {
  if (!existsSync(DENO)) return { missing: 'Deno is not installed (npm ci)' };
  if ((await outputOf([DENO, 'eval', PROBE])) === '') {
    return { missing: 'Deno finds no GPU adapter (apt-get install mesa-vulkan-drivers)' };
  }
  return startLineHost([DENO, 'run', '-A'], bundle, ORT);
}
