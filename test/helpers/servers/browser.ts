import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Its path; there may be nothing. */
const CHROMIUM = process.env['TPA_CHROMIUM'] ?? '/usr/bin/chromium';

/** It asks nothing of the network by itself. */
const QUIET = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** SwiftShader is the GPU; there is none without. */
export const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Headless Chromium, or why there is none. */
export async function launchChromium(
  flags: readonly string[] = [],
): Promise<Browser | { readonly missing: string }> {
  if (!existsSync(CHROMIUM)) {
    return { missing: `no Chromium at ${CHROMIUM} (apt-get install chromium, or TPA_CHROMIUM)` };
  }
  const args = [...QUIET, ...flags];
  return chromium
    .launch({ executablePath: CHROMIUM, args })
    .catch((error: unknown) => ({ missing: `${CHROMIUM} does not start: ${firstLine(error)}` }));
}

function firstLine(error: unknown): string {
  return String(error).split('\n', 1)[0]!;
}
