import type { Browser } from 'playwright-core';
import { serveSite, type Site } from './site.ts';

/** A run takes 2 s. */
const DEADLINE = 300_000;

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
