import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = process.env['TPA_CHROMIUM'] ?? '/usr/bin/chromium';

/** A name that leads here, but to no secure context. */
export const INSECURE_HOST = 'insecure.test';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
];

/** Headless Chromium, or why there is none. */
export async function openBrowser(): Promise<Browser | string> {
  if (existsSync(CHROMIUM)) return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  return `no Chromium at ${CHROMIUM} (apt-get install chromium, or set TPA_CHROMIUM)`;
}
