/*
 * The far side of the tests in Deno and in Node: a scenario a line comes in, an answer a line goes
 * out.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Scenarios } from './host.ts';
import { type Assets, runScenario } from './scenarios.ts';

const assets = JSON.parse(process.argv[2]!) as Assets;
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await answer(line)}\n`);
}

async function answer(line: string): Promise<string> {
  const { name, ask } = JSON.parse(line) as { name: keyof Scenarios; ask: unknown };
  try {
    return JSON.stringify({ answer: await runScenario(assets, name, ask) });
  } catch (error) {
    return JSON.stringify({ error: error instanceof Error ? error.message : String(error) });
  }
}
