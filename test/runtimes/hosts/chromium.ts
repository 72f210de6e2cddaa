import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import type { Missing } from '../find.ts';
import { serveSite, type Site } from './site.ts';

const CHROMIUM = process.env['TPA_CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A run takes 2 s. */
const DEADLINE = 60_000;

/** Headless Chromium, without a GPU. */
export async function openChromium(): Promise<Browser | Missing> {
  if (!existsSync(CHROMIUM)) {
    return { missing: `no Chromium at ${CHROMIUM} (apt-get install chromium, or TPA_CHROMIUM)` };
  }
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** What a page posted, and whatever else it said: violations of the policy are in the console. */
export interface PageOutcome {
  readonly posted: unknown;
  readonly complaints: readonly string[];
}

/** Opens a site in a new profile and waits for what its page posts. */
export async function runPage(browser: Browser, site: Site): Promise<PageOutcome> {
  const server = await serveSite(site);
  const context = await browser.newContext();
  const complaints: string[] = [];
  try {
    const page = await context.newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(server.address);
    const posted = await Promise.race([server.report, deadline(complaints)]);
    return { posted, complaints };
  } finally {
    await context.close();
    server.close();
  }
}

async function deadline(complaints: readonly string[]): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, DEADLINE).unref());
  throw new Error(`the page posted nothing: ${complaints.join('; ')}`);
}
