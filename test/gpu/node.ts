import { cpSync, existsSync } from 'node:fs';
import { findRuntime } from '../runtimes/find.ts';
import type { Bundle } from './bundle.ts';
import { FAULT_AT } from './faults.ts';
import type { HostOrReason } from './host.ts';
import { startLineHost } from './line-process.ts';

/** Chromium's SwiftShader, which Dawn takes in Node too. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The pinned Node, which is new enough for Dawn, with the package `webgpu`. */
export async function openNode(bundle: Bundle): Promise<HostOrReason> {
  const node = findRuntime('node');
  if ('missing' in node) return node;
  const webgpu = findRuntime('webgpu');
  if ('missing' in webgpu) return webgpu;
  if (!existsSync(SWIFTSHADER)) {
    return { missing: 'no SwiftShader for Dawn (apt-get install chromium)' };
  }
  cpSync(`${webgpu.modules}webgpu`, `${bundle.folder}/node_modules/webgpu`, {
    recursive: true,
  });
  return startLineHost([node.program], bundle, {
    ...process.env,
    VK_ICD_FILENAMES: SWIFTSHADER,
    TPA_FAULT: `destroyAt=${FAULT_AT}`,
  });
}
